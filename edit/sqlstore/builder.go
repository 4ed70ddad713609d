package sqlstore

import (
	"encoding"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	sqldriver "database/sql/driver"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/internal/rowmap"
)

// builder makes a statement with its arguments.
type builder struct {
	strings.Builder
	engine engine
	args   []any
	places int // placeholders so far
}

func newBuilder(e engine) *builder { return &builder{engine: e} }

func (b *builder) add(text string) { b.WriteString(text) }

func (b *builder) name(name string) { b.WriteString(b.engine.quote(name)) }

func (b *builder) table(t *edit.Table) {
	if t.Schema != "" {
		b.name(t.Schema)
		b.add(".")
	}
	b.name(t.Name)
}

// columns lists columns, each behind a prefix.
func (b *builder) columns(t *edit.Table, prefix string, in edit.Columns) {
	first := true
	for i := range in.All() {
		if !first {
			b.add(", ")
		}
		first = false
		f := &t.Plan().Fields()[i]
		b.add(expression(b.engine, t, f, prefix))
		if f.Token != "" && prefix != returned {
			b.add(" AS ")
			b.name(f.Name)
		}
	}
}

// returned is the prefix of the columns of rows that a part of a statement has
// returned.
const returned = "i."

// expression is what stands for a field in a statement: a column, or what makes
// a token of the row.
func expression(e engine, t *edit.Table, f *rowmap.Field, prefix string) string {
	row := strings.TrimSuffix(prefix, ".")
	if row == "" {
		row = e.quote(t.Name)
	}
	switch {
	case prefix == returned:
	case f.Token == rowmap.TokenXmin:
		return row + ".xmin::text::bigint"
	case f.Token == rowmap.TokenHash:
		return "md5(" + row + "::text)"
	}
	return prefix + e.quote(f.Name)
}

// value adds a placeholder for a value of a column.
func (b *builder) value(c *edit.Column, v any) error {
	arg, err := argument(b.engine, c, v)
	if err != nil {
		return err
	}
	b.args = append(b.args, arg)
	b.add(b.place(c))
	return nil
}

// place is the placeholder of the next value.
func (b *builder) place(c *edit.Column) string {
	b.places++
	place := b.engine.placeholder(b.places)
	if _, ok := b.engine.(*postgres); ok {
		return place + "::text" + cast(c)
	}
	return place
}

// argument is a value of a column as it is sent: to Postgres as text, which
// means the same to every driver.
func argument(e engine, c *edit.Column, v any) (any, error) {
	switch e.(type) {
	case *postgres:
		text, null, err := postgresText(c, v)
		if err != nil || null {
			return nil, err
		}
		return text, nil
	case sqlite:
		return sqliteValue(v), nil
	}
	return v, nil
}

// sqliteValue writes times as SQLite's own functions and all drivers read
// them. Drivers left alone write the name of the zone, which they cannot read.
func sqliteValue(v any) any {
	if valuer, ok := v.(sqldriver.Valuer); ok {
		if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
			return nil
		}
		held, err := valuer.Value()
		if err != nil {
			return v // the driver meets the same error
		}
		v = held
	}
	switch t := v.(type) {
	case *time.Time:
		if t == nil {
			return nil
		}
		return sqliteValue(*t)
	case time.Time:
		return t.Format("2006-01-02 15:04:05.999999999-07:00")
	}
	return v
}

// where adds the condition that a row has the key of an operation.
func (b *builder) where(op *edit.Op) error {
	plan := op.Table.Plan()
	key := op.Key()
	n := 0
	for i := range plan.Key().All() {
		if n > 0 {
			b.add(" AND ")
		}
		b.name(plan.Fields()[i].Name)
		b.add(" = ")
		if err := b.value(&plan.Fields()[i].Column, key[n]); err != nil {
			return err
		}
		n++
	}
	return nil
}

// checks are the columns by which a statement sees that the row is the one
// that the operation was made on.
func checks(op *edit.Op) edit.Columns {
	if i, ok := op.Table.Plan().Version(); ok {
		var version edit.Columns
		version.Set(i)
		return version
	}
	return op.Check()
}

// comparable reports whether the database can be asked whether the row is the
// one that the operation was made on.
func comparable(op *edit.Op) bool { //nolint:predeclared // says it best
	for i := range checks(op).All() {
		if op.Table.Plan().Fields()[i].Incomparable {
			return false
		}
	}
	return true
}

// comparison is what stands around two values that are the same also if both
// are NULL.
func comparison(e engine, c *edit.Column, column string) (left, equal, right string) {
	switch e.(type) {
	case *postgres:
		if hasEquality(c) && !c.Nullable {
			return column, " = ", "" // the same where no row has NULL, and quicker
		}
		if hasEquality(c) {
			return column, " IS NOT DISTINCT FROM ", ""
		}
		return column + "::text", " IS NOT DISTINCT FROM (", ")::text"
	case mysql:
		if c.Kind == rowmap.Text || c.Kind == rowmap.JSON || c.Kind == rowmap.Char || c.Kind == rowmap.Unknown {
			return "BINARY " + column, " <=> BINARY ", ""
		}
		return column, " <=> ", ""
	}
	return column, " IS ", ""
}

// hasEquality reports whether Postgres compares values of the type as this
// project does.
func hasEquality(c *edit.Column) bool {
	switch c.Kind {
	case rowmap.Unknown, rowmap.JSON:
		return false
	default:
		return true
	}
}

// cast is what makes a text a value of a column's type.
func cast(c *edit.Column) string {
	if c.Type == "" {
		return ""
	}
	return "::" + c.Type
}

// postgresText writes a value as Postgres reads it.
func postgresText(c *edit.Column, v any) (text string, null bool, err error) {
	if valuer, ok := v.(sqldriver.Valuer); ok {
		if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
			return "", true, nil
		}
		if v, err = valuer.Value(); err != nil {
			return "", false, err
		}
	}
	switch v := v.(type) {
	case nil:
		return "", true, nil
	case string:
		return v, false, nil
	case []byte:
		switch {
		case v == nil:
			return "", true, nil
		case c.Kind == rowmap.Bytes:
			return `\x` + hex.EncodeToString(v), false, nil
		}
		return string(v), false, nil
	case time.Time:
		if strings.HasPrefix(c.Type, "time ") {
			return v.Format("15:04:05.999999999Z07:00:00"), false, nil
		}
		return timeText(v), false, nil
	}
	return reflectedText(c, v)
}

// timeText writes a time with its zone, which Postgres drops where there is
// none to keep.
func timeText(t time.Time) string {
	const layout = "2006-01-02 15:04:05.999999999Z07:00:00"
	if t.Year() > 0 {
		return t.Format(layout)
	}
	// The year before 1 is 1 BC.
	return t.AddDate(1-2*t.Year(), 0, 0).Format(layout) + " BC"
}

func reflectedText(c *edit.Column, v any) (string, bool, error) {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Pointer:
		if r.IsNil() {
			return "", true, nil
		}
		return postgresText(c, r.Elem().Interface())
	case reflect.Bool:
		return strconv.FormatBool(r.Bool()), false, nil
	case reflect.String:
		return r.String(), false, nil
	case reflect.Float32, reflect.Float64:
		switch f := r.Float(); {
		case math.IsInf(f, 1):
			return "Infinity", false, nil
		case math.IsInf(f, -1):
			return "-Infinity", false, nil
		default:
			return strconv.FormatFloat(f, 'g', -1, r.Type().Bits()), false, nil
		}
	case reflect.Slice:
		if r.Type().Elem().Kind() == reflect.Uint8 {
			return postgresText(c, r.Bytes())
		}
	default:
	}
	switch {
	case r.CanInt():
		return strconv.FormatInt(r.Int(), 10), false, nil
	case r.CanUint():
		return strconv.FormatUint(r.Uint(), 10), false, nil
	}
	if m, ok := v.(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		return string(text), false, err
	}
	return "", false, fmt.Errorf("edit: column %s: no way to write a %T", c.Name, v)
}

// arrayText writes values as an array of texts.
type arrayText struct{ buf []byte }

// next begins another element.
func (a *arrayText) next() {
	if len(a.buf) == 0 {
		a.buf = append(a.buf, '{')
		return
	}
	a.buf = append(a.buf, ',')
}

// value adds a value of a column. Integers, which most are, become no text of
// their own.
func (a *arrayText) value(c *edit.Column, v any) error {
	switch v := v.(type) {
	case int64:
		a.next()
		a.buf = strconv.AppendInt(a.buf, v, 10)
		return nil
	case int:
		a.next()
		a.buf = strconv.AppendInt(a.buf, int64(v), 10)
		return nil
	}
	text, null, err := postgresText(c, v)
	a.add(text, null)
	return err
}

func (a *arrayText) add(text string, null bool) {
	a.next()
	if null {
		a.buf = append(a.buf, "NULL"...)
		return
	}
	a.buf = append(a.buf, '"')
	for {
		i := strings.IndexAny(text, `"\`)
		if i < 0 {
			break
		}
		a.buf = append(a.buf, text[:i]...)
		a.buf = append(a.buf, '\\', text[i])
		text = text[i+1:]
	}
	a.buf = append(a.buf, text...)
	a.buf = append(a.buf, '"')
}

func (a *arrayText) text() string {
	if len(a.buf) == 0 {
		return "{}"
	}
	return string(append(a.buf, '}'))
}

// keyText names a row by its key, in one batch.
func keyText(t *edit.Table, key []any) string {
	var b strings.Builder
	n := 0
	for i := range t.Plan().Key().All() {
		text, _, err := postgresText(&t.Plan().Fields()[i].Column, key[n])
		if err != nil {
			text = fmt.Sprint(key[n])
		}
		b.WriteString(strconv.Itoa(len(text)))
		b.WriteByte(':')
		b.WriteString(text)
		n++
	}
	return b.String()
}

// rowKey is keyText of a row.
func rowKey(t *edit.Table, row any) string {
	key := make([]any, 0, 2)
	for i := range t.Plan().Key().All() {
		key = append(key, t.Plan().Value(row, i))
	}
	return keyText(t, key)
}

// flavorOf is the flavor of an engine.
func flavorOf(e engine) dialects.Flavor {
	switch e.(type) {
	case *postgres:
		return dialects.Postgres
	case mysql:
		return dialects.MySQL
	}
	return dialects.SQLite
}
