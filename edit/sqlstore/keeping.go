package sqlstore

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/internal/rowmap"
)

// keeping reports whether a column keeps a value as it is sent, so that what would
// come back is the value that the operation has. A nil keeping says never.
type keeping func(plan *rowmap.Plan, op *edit.Op, i int) bool

func always(*rowmap.Plan, *edit.Op, int) bool { return true }

// keepingOf is the list of what is known to be kept: everything else comes back. The
// column is as it is in the database now.
func keepingOf(e engine, f *rowmap.Field, c *edit.Column) keeping {
	if f.Type == nil {
		return untypedKeeping(e, c)
	}
	t, nullable := heldType(f.Type)
	if t == nil {
		return nil
	}
	k := keepingOfType(e, t, c)
	if k == nil || !nullable {
		return k
	}
	if c.Nullable {
		return orNull(k)
	}
	return func(plan *rowmap.Plan, op *edit.Op, i int) bool { // some databases have something else for NULL
		return !isNull(plan.Value(op.Row, i)) && k(plan, op, i)
	}
}

func orNull(k keeping) keeping {
	return func(plan *rowmap.Plan, op *edit.Op, i int) bool {
		return isNull(plan.Value(op.Row, i)) || k(plan, op, i)
	}
}

// heldType is the type of the values that a field holds, nil if they make
// themselves what is sent and what is read.
func heldType(t reflect.Type) (held reflect.Type, nullable bool) {
	switch {
	case t.Kind() == reflect.Struct && t.PkgPath() == "database/sql" && t.NumField() == 2 && t.Field(1).Name == "Valid":
		t, nullable = t.Field(0).Type, true
	case t.Kind() == reflect.Pointer:
		t, nullable = t.Elem(), true
	case t.Kind() == reflect.Slice:
		nullable = true
	}
	if t.Implements(valuer) || reflect.PointerTo(t).Implements(valuer) || reflect.PointerTo(t).Implements(scanner) {
		return nil, false
	}
	return t, nullable
}

var (
	valuer  = reflect.TypeFor[sqldriver.Valuer]()
	scanner = reflect.TypeFor[sql.Scanner]()
)

// isNull reports whether a value of a field is NULL.
func isNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case *string:
		return v == nil
	case *int64:
		return v == nil
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Pointer, reflect.Slice:
		return r.IsNil()
	case reflect.Struct:
		return !r.Field(1).Bool()
	default:
		return false
	}
}

// heldValue is what a field that is not NULL holds.
func heldValue(v any) reflect.Value {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Pointer:
		return r.Elem()
	case reflect.Struct:
		return r.Field(0)
	default:
		return r
	}
}

func isInteger(t reflect.Type) bool { return reflect.Int <= t.Kind() && t.Kind() <= reflect.Uint64 }

func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

// texts are kept if they are as ok says.
func texts(ok func(s string) bool) keeping {
	return func(plan *rowmap.Plan, op *edit.Op, i int) bool {
		switch v := plan.Value(op.Row, i).(type) {
		case string:
			return ok(v)
		case *string:
			return ok(*v)
		default:
			return ok(heldValue(v).String())
		}
	}
}

func keepingOfType(e engine, t reflect.Type, c *edit.Column) keeping {
	if _, ok := e.(*postgres); ok {
		return postgresKeeping(t, c)
	}
	return sqliteKeeping(t, c)
}

// postgresKeeping: what is out of range, or no text in the encoding of the
// database, is an error. The declared length of a type is not looked at.
func postgresKeeping(t reflect.Type, c *edit.Column) keeping {
	switch c.Type {
	case "smallint", "integer", "bigint":
		if isInteger(t) {
			return always
		}
	case "boolean":
		if t.Kind() == reflect.Bool {
			return always
		}
	case "double precision":
		if t.Kind() == reflect.Float64 {
			return always
		}
	case "text":
		if t.Kind() == reflect.String {
			return always
		}
	case "character varying": // which loses spaces that are too many
		if t.Kind() == reflect.String {
			return texts(func(s string) bool { return !strings.HasSuffix(s, " ") })
		}
	case "uuid":
		if t.Kind() == reflect.String {
			return texts(canonical)
		}
	case "bytea":
		if isBytes(t) {
			return always
		}
	}
	return nil
}

// canonical reports whether a text is a UUID as the database writes it.
func canonical(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch dash := i == 8 || i == 13 || i == 18 || i == 23; {
		case dash && s[i] != '-', !dash && strings.IndexByte("0123456789abcdef", s[i]) < 0:
			return false
		}
	}
	return true
}

// sqliteKeeping: the declared type decides what a value becomes, and the driver
// what is read.
func sqliteKeeping(t reflect.Type, c *edit.Column) keeping {
	declared := strings.ToUpper(c.Type)
	switch c.Kind {
	case rowmap.Int:
		if isInteger(t) {
			return always
		}
	case rowmap.Bool:
		if t.Kind() == reflect.Bool && (declared == "BOOLEAN" || declared == "BOOL") {
			return always
		}
	case rowmap.Text:
		if t.Kind() == reflect.String {
			return texts(func(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 })
		}
	case rowmap.Bytes:
		if isBytes(t) && declared == "BLOB" {
			return func(plan *rowmap.Plan, op *edit.Op, i int) bool {
				return heldValue(plan.Value(op.Row, i)).Len() > 0
			}
		}
	case rowmap.Float64:
		if t.Kind() == reflect.Float64 { // NaN becomes NULL, and -0 loses its sign
			return func(plan *rowmap.Plan, op *edit.Op, i int) bool {
				f := heldValue(plan.Value(op.Row, i)).Float()
				return f == f && (f != 0 || !math.Signbit(f))
			}
		}
	default:
	}
	return nil
}

// untypedKeeping is for rows that are maps: what comes back has the types that
// the driver has for the column, as what was read before has.
func untypedKeeping(e engine, c *edit.Column) keeping {
	kept := make(map[reflect.Type]keeping)
	for _, t := range []reflect.Type{reflect.TypeFor[bool](), reflect.TypeFor[int64](), reflect.TypeFor[float64](), reflect.TypeFor[string]()} {
		kept[t] = keepingOfType(e, t, c)
	}
	return func(plan *rowmap.Plan, op *edit.Op, i int) bool {
		v, before := plan.Value(op.Row, i), plan.Value(op.Base, i)
		if v == nil {
			return c.Nullable && plan.Has(op.Row, i)
		}
		k := kept[reflect.TypeOf(v)]
		return k != nil && reflect.TypeOf(before) == reflect.TypeOf(v) && k(plan, op, i)
	}
}

// counts reports whether the database and this program count a version alike.
func counts(e engine, f *rowmap.Field) bool {
	if f.Kind != rowmap.Int {
		return false
	}
	if f.Type == nil {
		return true // whatever is read: plan.Count looks at it
	}
	t, nullable := heldType(f.Type)
	if t == nil || nullable || !isInteger(t) {
		return false
	}
	_, sqlite := e.(sqlite)
	return !sqlite || strings.Contains(strings.ToUpper(f.Column.Type), "INT")
}
