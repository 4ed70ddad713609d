package table

import (
	"bytes"
	"cmp"
	sqldriver "database/sql/driver"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// sortBy is a column of an order.
type sortBy struct {
	field      int
	text       string // as the program has it
	descending bool
}

// parseOrder finds the fields of columns, each with DESC behind it or not.
func (s *Schema[K, T]) parseOrder(columns []string) ([]sortBy, error) {
	all := make([]sortBy, 0, len(columns))
	for _, text := range columns {
		name, direction, _ := strings.Cut(strings.TrimSpace(text), " ")
		direction = strings.ToUpper(strings.TrimSpace(direction))
		i, ok := s.plan.Index(name)
		if !ok {
			return nil, &ConditionError{Text: text, Why: "no field has the column"}
		}
		if direction != "" && direction != "ASC" && direction != "DESC" {
			return nil, &ConditionError{Text: text, Why: "an order is a column, with ASC or DESC behind it or not"}
		}
		all = append(all, sortBy{i, text, direction == "DESC"})
	}
	return all, nil
}

// sorts is parseOrder with the columns of the key behind them, and each column
// once.
func (s *Schema[K, T]) sorts(columns []string) ([]sortBy, error) {
	named, err := s.parseOrder(columns)
	for _, i := range s.keys {
		named = append(named, sortBy{field: i})
	}
	var all []sortBy
	for _, one := range named {
		if !slices.ContainsFunc(all, func(other sortBy) bool { return other.field == one.field }) {
			all = append(all, one)
		}
	}
	return all, err
}

// order returns what compares rows by columns, each with DESC behind it or not.
func (s *Schema[K, T]) order(columns []string) ([]func(a, b *T) int, error) {
	parsed, err := s.parseOrder(columns)
	if err != nil {
		return nil, err
	}
	var all []func(a, b *T) int
	for _, one := range parsed {
		compare, err := s.comparison(one.field)
		if err != nil {
			return nil, &ConditionError{Text: one.text, Why: err.Error()}
		}
		all = append(all, func(a, b *T) int { return compare(a, b, one.descending) })
	}
	return all, nil
}

// comparison returns what compares two rows by a column: NULL is last in either
// direction.
func (s *Schema[K, T]) comparison(i int) (func(a, b *T, descending bool) int, error) {
	field := fieldOf[T](s.plan.Fields()[i].Name)
	if field == nil {
		return nil, fmt.Errorf("the field is not one of %v", reflect.TypeFor[T]())
	}
	index := field.Index
	get := func(row *T) (reflect.Value, bool) {
		v, err := reflect.ValueOf(row).Elem().FieldByIndexErr(index)
		if err != nil {
			return v, false
		}
		for v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		return v, true
	}
	base := field.Field.Type
	for base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	compare := valueComparer(base)
	if compare == nil {
		return nil, fmt.Errorf("values of %v have no order", base)
	}
	return func(a, b *T, descending bool) int {
		x, okX := get(a)
		y, okY := get(b)
		if okX && okY {
			var known bool
			var c int
			if c, okX, okY, known = compare(x, y); known {
				if descending {
					return -c
				}
				return c
			}
		}
		switch { // NULL is last
		case okX == okY:
			return 0
		case okX:
			return -1
		}
		return 1
	}, nil
}

// valueComparer returns what compares two values of a type; known is false if
// one of them is NULL, of which x and y tell. It is nil for types without an
// order.
func valueComparer(t reflect.Type) func(a, b reflect.Value) (c int, x, y, known bool) {
	of := func(compare func(a, b reflect.Value) int) func(a, b reflect.Value) (int, bool, bool, bool) {
		return func(a, b reflect.Value) (int, bool, bool, bool) { return compare(a, b), true, true, true }
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return of(func(a, b reflect.Value) int {
			return a.Interface().(time.Time).Compare(b.Interface().(time.Time))
		})
	case t.Implements(reflect.TypeFor[sqldriver.Valuer]()):
		return func(a, b reflect.Value) (int, bool, bool, bool) {
			x, errX := a.Interface().(sqldriver.Valuer).Value()
			y, errY := b.Interface().(sqldriver.Valuer).Value()
			if errX != nil || errY != nil || x == nil || y == nil {
				return 0, errX == nil && x != nil, errY == nil && y != nil, false
			}
			kind, other := reflect.TypeOf(x), reflect.TypeOf(y)
			if kind != other { // one after the other: else there would be no order at all
				return strings.Compare(kind.String(), other.String()), true, true, true
			}
			compare := valueComparer(kind)
			if compare == nil {
				return 0, true, true, true
			}
			return compare(reflect.ValueOf(x), reflect.ValueOf(y))
		}
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return of(func(a, b reflect.Value) int { return cmp.Compare(a.Int(), b.Int()) })
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return of(func(a, b reflect.Value) int { return cmp.Compare(a.Uint(), b.Uint()) })
	case reflect.Float32, reflect.Float64:
		return of(func(a, b reflect.Value) int { return cmp.Compare(a.Float(), b.Float()) })
	case reflect.String:
		return of(func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	case reflect.Bool:
		return of(func(a, b reflect.Value) int { return cmp.Compare(bit(a.Bool()), bit(b.Bool())) })
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return of(func(a, b reflect.Value) int { return bytes.Compare(a.Bytes(), b.Bytes()) })
		}
	default:
	}
	return nil
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
