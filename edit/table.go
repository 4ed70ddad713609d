package edit

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/vantage-go/live/internal/rowmap"
)

// Column describes a column, as the catalogue of the database has it.
type Column = rowmap.Column

// Columns is a set of columns of a table, by their position.
type Columns = rowmap.Bits

// Record is a row of a table of which no Go type is known: values by column.
type Record = map[string]any

// Table describes a table whose rows are edited. It is immutable.
type Table struct {
	// Name is the table's name, as statements have it, unquoted.
	Name string
	// Schema is the table's schema, "" for the one that the connection has.
	Schema string
	// Rank orders tables for batches: a table refers to tables of lower ranks
	// only. Records of lower ranks are inserted earlier and deleted later.
	Rank int

	plan   *rowmap.Plan
	policy Policy
	strict bool
}

// TableOption configures a table.
type TableOption func(*tableOptions)

type tableOptions struct {
	table   Table
	columns []Column
	tags    map[string]rowmap.Options
	err     error
}

// InSchema names the schema of the table.
func InSchema(schema string) TableOption {
	return func(o *tableOptions) { o.table.Schema = schema }
}

// Ranked sets [Table.Rank].
func Ranked(rank int) TableOption { return func(o *tableOptions) { o.table.Rank = rank } }

// Catalogue gives the columns of the table as the database has them. Without,
// values compare by their Go types alone.
func Catalogue(columns []Column) TableOption {
	return func(o *tableOptions) { o.columns = columns }
}

// OnConflict sets what becomes of fields that both sides changed. Tags of
// fields go before it.
func OnConflict(p Policy) TableOption { return func(o *tableOptions) { o.table.policy = p } }

// StrictLocal makes two sessions of this program that change one field of one
// record conflict, where the later save wins otherwise.
func StrictLocal() TableOption { return func(o *tableOptions) { o.table.strict = true } }

// Tagged gives a column of an untyped table the options that a struct has behind
// the name of a column in a tag, such as "readonly" or "merge=sum".
func Tagged(column, options string) TableOption {
	return func(o *tableOptions) {
		tag, err := rowmap.ParseOptions(options)
		if err != nil {
			o.err = errors.Join(o.err, fmt.Errorf("column %s: %w", column, err))
		}
		o.tags[column] = tag
	}
}

// VersionColumn names the column of an untyped table that counts the updates
// of each row. It is Tagged with "version".
func VersionColumn(name string) TableOption {
	return func(o *tableOptions) {
		tag := o.tags[name]
		tag.Version = true
		o.tags[name] = tag
	}
}

// NewTable describes a table by a struct type: its fields with `db` tags, or
// [Record], which needs [Catalogue].
//
// Whether a row still is what a session saw is told by its version, if a field
// is tagged so; else on Postgres by a token, if a field is tagged
// `db:"xmin,token=xmin"` (an integer: the transaction that wrote the row, at no
// cost, but another one after a restore, and not to be had of partitioned tables) or
// `db:"hash,token=hash"` (a text: a hash of all columns, mapped or not, which costs
// about 40 % more); else by the values of the columns that are written. The
// names of such fields are free; they are read, and never written. Settings that
// change how values are spelled, such as DateStyle, change the hash.
func NewTable[T any](name string, opts ...TableOption) (*Table, error) {
	o := tableOptions{table: Table{Name: name}, tags: make(map[string]rowmap.Options)}
	for _, opt := range opts {
		opt(&o)
	}
	t := o.table
	plan, err := planOf[T](&o)
	if err = errors.Join(o.err, err); err != nil {
		return nil, fmt.Errorf("edit: table %s: %w", name, err)
	}
	if plan.Key().Empty() {
		return nil, fmt.Errorf("edit: table %s: no key: tag a field with pk", name)
	}
	t.plan = plan
	return &t, nil
}

func planOf[T any](o *tableOptions) (*rowmap.Plan, error) {
	if reflect.TypeFor[T]() == reflect.TypeFor[Record]() {
		return rowmap.Untyped(o.columns, o.tags)
	}
	plan, err := rowmap.For[T]()
	if err != nil || o.columns == nil {
		return plan, err
	}
	return plan.Bind(o.columns)
}

// Plan maps the rows of the table, for a [Store].
func (t *Table) Plan() *rowmap.Plan { return t.plan }

// keyParts returns the values of the key columns of a row.
func (t *Table) keyParts(row any) []any {
	parts := make([]any, 0, 2)
	key := t.plan.Key()
	for i := range key.All() {
		parts = append(parts, t.plan.Value(row, i))
	}
	return parts
}

// sameVersion reports whether two rows have the same version.
func (t *Table) sameVersion(a, b any) bool {
	i, ok := t.plan.Version()
	return ok && t.plan.Same(a, b, i)
}

// newer reports whether a is a later version of a row than b; known is false
// where the table has no version that counts.
func (t *Table) newer(a, b any) (newer, known bool) {
	i, ok := t.plan.Version()
	if !ok {
		return false, false
	}
	x, y := number(t.plan.Value(a, i)), number(t.plan.Value(b, i))
	if !x.IsValid() || !y.IsValid() || x.Kind() != y.Kind() || !x.CanInt() && !x.CanUint() {
		return false, false
	}
	if x.CanInt() {
		return x.Int() > y.Int(), true
	}
	return x.Uint() > y.Uint(), true
}
