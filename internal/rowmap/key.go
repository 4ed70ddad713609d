package rowmap

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unsafe"
)

// KeyType returns an error unless keys of type t can name rows of this plan: a
// table with one key column takes the type of its field, others take a struct
// whose fields have the names of the key columns.
func (p *Plan) KeyType(t reflect.Type) error {
	if p.key.Empty() {
		return fmt.Errorf("livesql: rows of %v have no key: tag a field with pk", p.row.Elem())
	}
	_, err := p.SplitKey(reflect.New(t).Elem().Interface())
	if err != nil && t.Kind() == reflect.Interface {
		return nil // any key may come; each is looked at
	}
	return err
}

// KeyOf returns the key of a row as a value of type t.
func (p *Plan) KeyOf(row any, t reflect.Type) (any, error) {
	if p.key.Len() == 1 {
		for i := range p.key.All() {
			v := p.Value(row, i)
			held := reflect.New(t).Elem()
			if v == nil || !assign(held, reflect.ValueOf(v)) {
				return nil, fmt.Errorf("livesql: key column %s holds %T, keys are %v", p.fields[i].Name, v, t)
			}
			return held.Interface(), nil
		}
	}
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("livesql: a key of %d columns must be a struct, not %v", p.key.Len(), t)
	}
	held := reflect.New(t).Elem()
	for i := range p.key.All() {
		f, ok := keyField(t, p.fields[i].Name)
		if v := p.Value(row, i); !ok || v == nil || !assign(held.FieldByIndex(f.Index), reflect.ValueOf(v)) {
			return nil, fmt.Errorf("livesql: no field of %v takes key column %s", t, p.fields[i].Name)
		}
	}
	return held.Interface(), nil
}

// IntKey returns the key of a row if it is one column of a signed integer type.
func (p *Plan) IntKey(row any) (int64, bool) {
	if p.number == nil {
		return 0, false
	}
	return p.number(p.pointer(row)), true
}

// integer reads a signed integer at an offset; it is nil for other types.
func integer(t reflect.Type, at uintptr) func(row unsafe.Pointer) int64 {
	switch {
	case t.Implements(valuerType) || reflect.PointerTo(t).Implements(valuerType):
		return nil // it may be another value to the database
	case t.Kind() == reflect.Int64 || t.Kind() == reflect.Int && t.Size() == 8:
		return func(row unsafe.Pointer) int64 { return *(*int64)(unsafe.Add(row, at)) }
	case t.Kind() == reflect.Int32:
		return func(row unsafe.Pointer) int64 { return int64(*(*int32)(unsafe.Add(row, at))) }
	}
	return nil
}

// SplitKey returns the values of the key columns, in their order.
func (p *Plan) SplitKey(key any) ([]any, error) {
	if p.key.Len() == 1 {
		return []any{key}, nil
	}
	v := reflect.ValueOf(key)
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("livesql: a key of %d columns must be a struct, not %T", p.key.Len(), key)
	}
	parts := make([]any, 0, p.key.Len())
	for i := range p.key.All() {
		f, ok := keyField(v.Type(), p.fields[i].Name)
		if !ok {
			return nil, fmt.Errorf("livesql: key type %T has no field for column %s", key, p.fields[i].Name)
		}
		parts = append(parts, v.FieldByIndex(f.Index).Interface())
	}
	return parts, nil
}

func keyField(t reflect.Type, column string) (reflect.StructField, bool) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("db"), ",")
		if f.IsExported() && (name == column || name == "" && strings.EqualFold(f.Name, column)) {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// CompareKeys orders keys, each given by the values of its columns. The order
// is total for values of the types that keys have, and the same in every
// process.
func CompareKeys(a, b []any) int {
	for i := range min(len(a), len(b)) {
		if c := comparePart(a[i], b[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func comparePart(a, b any) int {
	a, b = reduce(a), reduce(b)
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	switch {
	case a == nil || b == nil:
		return cmp.Compare(boolToInt(a != nil), boolToInt(b != nil))
	case x.CanInt() && y.CanInt():
		return cmp.Compare(x.Int(), y.Int())
	case x.CanUint() && y.CanUint():
		return cmp.Compare(x.Uint(), y.Uint())
	case x.CanFloat() && y.CanFloat():
		return cmp.Compare(x.Float(), y.Float())
	}
	if s, ok := a.(time.Time); ok {
		if t, ok := b.(time.Time); ok {
			return s.Compare(t)
		}
	}
	s, okS := textOf(a)
	t, okT := textOf(b)
	if okS && okT {
		return strings.Compare(s, t)
	}
	if x.Kind() == reflect.Array && x.Type() == y.Type() && x.Type().Elem().Kind() == reflect.Uint8 {
		return bytes.Compare(arrayBytes(x), arrayBytes(y))
	}
	return strings.Compare(fmt.Sprintf("%T%v", a, a), fmt.Sprintf("%T%v", b, b))
}

func arrayBytes(v reflect.Value) []byte {
	held := reflect.New(v.Type()).Elem()
	held.Set(v)
	return held.Bytes()
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
