package table

import (
	"cmp"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unsafe"

	"github.com/jmoiron/sqlx/reflectx"

	"github.com/vantage-go/live/internal/rowmap"
)

// Schema tells how rows of type T are looked at: which columns they have, what
// their key is, and when two are equal. It is immutable.
type Schema[K comparable, T any] struct {
	table   string
	plan    *rowmap.Plan
	key     func(*T) (K, error)
	compare func(a, b K) int
	columns rowmap.Bits // those that are read
	keys    []int       // positions of the key's columns
	// scans: a field of the key makes something of its own of what the driver reads.
	scans bool
	// unproven: nothing says that no two rows have the same key.
	unproven bool
}

// NewSchema returns the schema of a table whose rows are structs with `db`
// tags, one or more of which have the option pk; if none has, the key is what
// the argument says.
func NewSchema[K comparable, T any](table string, key ...string) (*Schema[K, T], error) {
	return newSchema[K, T](table, key, nil)
}

// newSchema is NewSchema with some columns only; all if there is none.
func newSchema[K comparable, T any](table string, key, columns []string) (*Schema[K, T], error) {
	plan, err := rowmap.For[T]()
	if err != nil {
		return nil, fmt.Errorf("table: %s: %w", table, err)
	}
	if tagged := plan.Key(); tagged.Empty() {
		if plan, err = withKey(plan, key); err != nil {
			return nil, &NoKeyError{Table: table, Why: err.Error()}
		}
	}
	keys := plan.Key()
	s := &Schema[K, T]{table: table, plan: plan, keys: slices.Collect(keys.All())}
	if err := s.choose(columns); err != nil {
		return nil, fmt.Errorf("table: %s: %w", table, err)
	}
	if err := plan.KeyType(reflect.TypeFor[K]()); err != nil {
		return nil, fmt.Errorf("table: %s: %w", table, err)
	}
	s.scans = slices.ContainsFunc(s.keys, func(i int) bool { return scans(plan.Fields()[i].Type) })
	s.key, s.compare = s.keyFunc(), s.compareFunc()
	if _, err := s.key(new(T)); err != nil {
		return nil, fmt.Errorf("table: %s: %w", table, err)
	}
	return s, nil
}

// taggedKey returns the columns that are tagged as the key.
func taggedKey[T any](table string) ([]string, error) {
	plan, err := rowmap.For[T]()
	if err != nil {
		return nil, fmt.Errorf("table: %s: %w", table, err)
	}
	return plan.Names(plan.Key()), nil
}

// withKey returns the plan with these columns as key.
func withKey(plan *rowmap.Plan, key []string) (*rowmap.Plan, error) {
	if len(key) == 0 {
		return nil, fmt.Errorf("it has no primary key, and no field is tagged with pk")
	}
	columns := make([]rowmap.Column, 0, len(plan.Fields()))
	found := 0
	for _, f := range plan.Fields() {
		c := f.Column
		if c.Key = slices.ContainsFunc(key, func(k string) bool { return strings.EqualFold(k, c.Name) }); c.Key {
			found++
		}
		columns = append(columns, c)
	}
	if found < len(key) {
		return nil, fmt.Errorf("not every column of its primary key (%s) has a field", strings.Join(key, ", "))
	}
	return plan.Bind(columns)
}

// choose sets which columns are read: the key always is.
func (s *Schema[K, T]) choose(columns []string) error {
	for i := range s.plan.Fields() {
		s.columns.Set(i)
	}
	if len(columns) == 0 {
		return nil
	}
	s.columns = s.plan.Key()
	for _, name := range columns {
		i, ok := s.plan.Index(name)
		if !ok {
			return fmt.Errorf("no field has column %q", name)
		}
		s.columns.Set(i)
	}
	return nil
}

// Table returns the name of the table.
func (s *Schema[K, T]) Table() string { return s.table }

// Key returns the key of a row. It fails where a column of it is NULL.
func (s *Schema[K, T]) Key(row *T) (K, error) { return s.key(row) }

// Compare orders keys.
func (s *Schema[K, T]) Compare(a, b K) int { return s.compare(a, b) }

// Equal reports whether two rows hold the same.
func (s *Schema[K, T]) Equal(a, b *T) bool {
	if a == b {
		return true
	}
	diff := s.plan.Diff(a, b)
	return diff.Empty()
}

// Clone returns a copy of a row that shares no memory with it.
func (s *Schema[K, T]) Clone(row *T) *T { return s.plan.Clone(row).(*T) }

// Columns returns the names of the columns that are read, in their order.
func (s *Schema[K, T]) Columns() []string { return s.plan.Names(s.columns) }

// Changed returns the names of the columns in which two rows differ.
func (s *Schema[K, T]) Changed(a, b *T) []string { return s.plan.Names(s.plan.Diff(a, b)) }

// Patched returns a copy of a row with some columns of another one.
func (s *Schema[K, T]) Patched(row, from *T, columns []string) (*T, error) {
	patched := s.Clone(row)
	for _, name := range columns {
		i, ok := s.plan.Index(name)
		if !ok {
			return nil, fmt.Errorf("no field has column %q", name)
		}
		s.plan.Copy(patched, from, i)
	}
	return patched, nil
}

// keyFunc returns what reads the key of a row; where the key is one field of
// type K, without reflection.
func (s *Schema[K, T]) keyFunc() func(*T) (K, error) {
	kind := reflect.TypeFor[K]()
	if len(s.keys) == 1 {
		f := s.plan.Fields()[s.keys[0]]
		if info := fieldOf[T](f.Name); info != nil && info.Field.Type == kind && len(info.Index) == 1 {
			offset := info.Field.Offset
			return func(row *T) (K, error) { return *(*K)(unsafe.Add(unsafe.Pointer(row), offset)), nil }
		}
	}
	return func(row *T) (K, error) {
		key, err := s.plan.KeyOf(row, kind)
		if err != nil {
			var none K
			return none, err
		}
		return key.(K), nil
	}
}

// fieldOf returns the field of a column, nil if there is none. One of the same name
// may hide it.
func fieldOf[T any](column string) *reflectx.FieldInfo {
	return mapper.TypeMap(reflect.TypeFor[T]()).GetByPath(column)
}

// compareFunc returns what orders keys; without reflection for the usual types.
func (s *Schema[K, T]) compareFunc() func(a, b K) int {
	var zero K
	switch any(zero).(type) {
	case int64:
		return func(a, b K) int { return cmp.Compare(*(*int64)(unsafe.Pointer(&a)), *(*int64)(unsafe.Pointer(&b))) }
	case int:
		return func(a, b K) int { return cmp.Compare(*(*int)(unsafe.Pointer(&a)), *(*int)(unsafe.Pointer(&b))) }
	case string:
		return func(a, b K) int { return cmp.Compare(*(*string)(unsafe.Pointer(&a)), *(*string)(unsafe.Pointer(&b))) }
	}
	return func(a, b K) int {
		x, err := s.plan.SplitKey(a)
		y, err2 := s.plan.SplitKey(b)
		if err != nil || err2 != nil {
			return 0 // newSchema has tried
		}
		return rowmap.CompareKeys(x, y)
	}
}

// tell returns the positions of the key's columns in the order in which the
// change log has them; none if it has other columns.
func (s *Schema[K, T]) tell(columns []string) []int {
	told := make([]int, 0, len(columns))
	for _, name := range columns {
		if i := slices.IndexFunc(s.keys, func(i int) bool { return strings.EqualFold(s.plan.Fields()[i].Name, name) }); i >= 0 {
			told = append(told, s.keys[i])
		}
	}
	if len(told) != len(s.keys) {
		told = nil
	}
	return told
}

// keyFrom makes a key of the values of its columns as the change log tells
// them, which are those of the fields at these positions.
func (s *Schema[K, T]) keyFrom(told any, at []int) (K, error) {
	var none K
	if len(at) == 0 {
		return none, fmt.Errorf("table: the change log tells other keys of %s", s.table)
	}
	if k, ok := told.(K); ok && !s.scans {
		return k, nil
	}
	parts, composite := told.([]any)
	if !composite {
		parts = []any{told}
	}
	if len(parts) != len(at) {
		return none, fmt.Errorf("table: a key of %d columns, want %d", len(parts), len(at))
	}
	row := new(T)
	for i, field := range at {
		v := parts[i]
		if t := s.plan.Fields()[field].Type; s.scans && scans(t) {
			scanned := reflect.New(t)
			if err := scanned.Interface().(sql.Scanner).Scan(v); err != nil {
				return none, err
			}
			v = scanned.Elem().Interface()
		}
		if err := s.plan.SetValue(row, field, v); err != nil {
			return none, err
		}
	}
	return s.key(row)
}

// scans reports whether a field of that type scans what the driver reads.
func scans(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[sql.Scanner]())
}
