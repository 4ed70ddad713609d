package table

import (
	sqldriver "database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"
)

// errStored is returned for bytes that are no row.
var errStored = errors.New("table: a stored row is damaged")

// appendValue appends a value of a field in a form that tells its kind.
func appendValue(b []byte, v any) ([]byte, error) {
	for {
		switch x := v.(type) {
		case nil:
			return append(b, 'n'), nil
		case time.Time:
			t, err := x.MarshalBinary()
			if err != nil {
				return nil, err
			}
			return appendBytes(append(b, 't'), string(t)), nil
		case sqldriver.Valuer:
			if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
				return append(b, 'n'), nil
			}
			value, err := x.Value()
			if err != nil {
				return nil, err
			}
			if _, again := value.(sqldriver.Valuer); again {
				return nil, fmt.Errorf("%T is a value of %T", value, v)
			}
			v = value
			continue
		}
		r := reflect.ValueOf(v)
		switch {
		case r.Kind() == reflect.Pointer && r.IsNil():
			return append(b, 'n'), nil
		case r.Kind() == reflect.Pointer:
			v = r.Elem().Interface()
			continue
		case r.CanInt():
			return binary.AppendVarint(append(b, 'i'), r.Int()), nil
		case r.CanUint():
			return binary.AppendUvarint(append(b, 'u'), r.Uint()), nil
		case r.CanFloat():
			return binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(r.Float())), nil
		case r.Kind() == reflect.Bool && r.Bool():
			return append(b, '1'), nil
		case r.Kind() == reflect.Bool:
			return append(b, '0'), nil
		case r.Kind() == reflect.String:
			return appendBytes(append(b, 's'), r.String()), nil
		case r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8:
			if r.IsNil() {
				return append(b, 'n'), nil
			}
			return appendBytes(append(b, 'b'), string(r.Bytes())), nil
		}
		return nil, fmt.Errorf("values of %T cannot be stored", v)
	}
}

func appendBytes(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// cutValue returns the value that b begins with.
func cutValue(b []byte) (v any, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errStored
	}
	kind, b := b[0], b[1:]
	switch kind {
	case 'n':
		return nil, b, nil
	case '0', '1':
		return kind == '1', b, nil
	case 'i':
		n, size := binary.Varint(b)
		if size <= 0 {
			return nil, nil, errStored
		}
		return n, b[size:], nil
	case 'f':
		if len(b) < 8 {
			return nil, nil, errStored
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b)), b[8:], nil
	case 'u', 's', 'b', 't':
	default:
		return nil, nil, errStored
	}
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return nil, nil, errStored
	}
	if b = b[size:]; kind == 'u' {
		return n, b, nil
	}
	if n > uint64(len(b)) {
		return nil, nil, errStored
	}
	text, rest := b[:n:n], b[n:]
	switch kind {
	case 's':
		return string(text), rest, nil
	case 'b':
		return append([]byte{}, text...), rest, nil
	}
	var t time.Time
	if err := t.UnmarshalBinary(text); err != nil {
		return nil, nil, errStored
	}
	return t, rest, nil
}

// storedKey returns a key as row stores have it.
func (s *Schema[K, T]) storedKey(k K) (b []byte, err error) {
	parts, err := s.plan.SplitKey(k)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if b, err = appendValue(b, p); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// stored returns a row as row stores have it. It is an error if something would
// not come back as it is.
func (s *Schema[K, T]) stored(row *T) (b []byte, err error) {
	for i := range s.columns.All() {
		if b, err = appendValue(b, s.plan.Value(row, i)); err != nil {
			return nil, fmt.Errorf("column %s: %w", s.plan.Fields()[i].Name, err)
		}
	}
	again, err := s.unstored(b)
	if err != nil {
		return nil, err
	}
	if diff := s.plan.DiffIn(row, again, s.columns); !diff.Empty() {
		return nil, fmt.Errorf("columns %v would not come back as they are", s.plan.Names(diff))
	}
	return b, nil
}

// unstored makes a row of what stored has made.
func (s *Schema[K, T]) unstored(b []byte) (*T, error) {
	row := new(T)
	for i := range s.columns.All() {
		v, rest, err := cutValue(b)
		if err != nil {
			return nil, err
		}
		b = rest
		if v == nil && s.plan.Value(row, i) == nil {
			continue
		}
		if err := s.plan.SetValue(row, i, v); err != nil {
			return nil, err
		}
	}
	if len(b) > 0 {
		return nil, errStored
	}
	return row, nil
}

// layout tells which rows can be read with this schema.
func (s *Schema[K, T]) layout() string {
	text := fmt.Sprintf("1 %v", reflect.TypeFor[K]())
	for i := range s.columns.All() {
		f := s.plan.Fields()[i]
		text += fmt.Sprintf(" %q:%v", f.Name, f.Type)
	}
	return text
}
