package table

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// canonical returns a text that no other value has, in this program or the next run
// of it: neither what the methods of a type print counts, which may be the same for
// several, nor where something lies. Ok is false for what has none, which are functions,
// channels and what holds itself.
//
// A type that keeps a time to itself is known by what it tells the database.
func canonical(v any) (text string, ok bool) {
	r := reflect.ValueOf(v)
	if !r.IsValid() {
		return "nil", true
	}
	b, ok := appendTyped(nil, r, maxNested)
	if ok {
		return string(b), true
	}
	valuer, ok := v.(driver.Valuer)
	if !ok {
		return "", false
	}
	told, err := valuer.Value()
	if err != nil {
		return "", false
	}
	b, ok = appendTyped(append(appendType(nil, r.Type()), ' '), reflect.ValueOf(told), maxNested)
	return string(b), ok
}

// maxNested bounds how deep a value is looked into, which may hold itself.
const maxNested = 32

var timeType = reflect.TypeFor[time.Time]()

// appendTyped appends a type and a value of it.
func appendTyped(b []byte, v reflect.Value, nested int) ([]byte, bool) {
	if !v.IsValid() {
		return append(b, "nil"...), true
	}
	return appendCanonical(append(appendType(b, v.Type()), ' '), v, nested)
}

// appendType appends the name of a type, with its whole path.
func appendType(b []byte, t reflect.Type) []byte {
	if t.Name() != "" {
		b = append(b, t.PkgPath()...)
		return append(append(b, '.'), t.Name()...)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return appendType(append(b, '*'), t.Elem())
	case reflect.Slice:
		return appendType(append(b, "[]"...), t.Elem())
	case reflect.Array:
		return appendType(append(strconv.AppendInt(append(b, '['), int64(t.Len()), 10), ']'), t.Elem())
	case reflect.Map:
		return appendType(append(appendType(append(b, "map["...), t.Key()), ']'), t.Elem())
	default:
		return append(b, t.String()...)
	}
}

// appendCanonical appends a value whose type is known.
func appendCanonical(b []byte, v reflect.Value, nested int) ([]byte, bool) {
	if nested == 0 {
		return b, false
	}
	switch {
	case v.CanInt():
		return strconv.AppendInt(b, v.Int(), 10), true
	case v.CanUint():
		return strconv.AppendUint(b, v.Uint(), 10), true
	case v.CanFloat():
		return strconv.AppendFloat(b, v.Float(), 'g', -1, 64), true
	case v.CanComplex():
		return strconv.AppendQuote(b, strconv.FormatComplex(v.Complex(), 'g', -1, 128)), true
	}
	switch v.Kind() {
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool()), true
	case reflect.String:
		return strconv.AppendQuote(b, v.String()), true
	case reflect.Pointer, reflect.Interface:
		switch {
		case v.IsNil():
			return append(b, "nil"...), true
		case v.Kind() == reflect.Pointer:
			return appendCanonical(b, v.Elem(), nested-1)
		default:
			return appendTyped(b, v.Elem(), nested-1)
		}
	case reflect.Slice, reflect.Array:
		return appendList(b, v, nested)
	case reflect.Map:
		return appendMap(b, v, nested)
	case reflect.Struct:
		return appendStruct(b, v, nested)
	default:
		return b, false
	}
}

func appendList(b []byte, v reflect.Value, nested int) (_ []byte, ok bool) {
	if v.Kind() == reflect.Slice {
		if v.IsNil() {
			return append(b, "nil"...), true
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return strconv.AppendQuote(b, string(v.Bytes())), true
		}
	}
	b = append(b, '[')
	for i := range v.Len() {
		if b, ok = appendCanonical(b, v.Index(i), nested-1); !ok {
			return b, false
		}
		b = append(b, ',')
	}
	return append(b, ']'), true
}

// appendMap appends the pairs of a map in an order of their own.
func appendMap(b []byte, v reflect.Value, nested int) ([]byte, bool) {
	if v.IsNil() {
		return append(b, "nil"...), true
	}
	var pairs []string
	for key, value := range v.Seq2() {
		pair, ok := appendCanonical(nil, key, nested-1)
		if !ok {
			return b, false
		}
		if pair, ok = appendCanonical(append(pair, ':'), value, nested-1); !ok {
			return b, false
		}
		pairs = append(pairs, string(pair))
	}
	slices.Sort(pairs)
	return fmt.Appendf(b, "{%q}", pairs), true
}

func appendStruct(b []byte, v reflect.Value, nested int) (_ []byte, ok bool) {
	if v.Type() == timeType {
		if !v.CanInterface() {
			return b, false
		}
		// Not what it knows of its place, which it may learn while it is used.
		t := v.Interface().(time.Time)
		_, offset := t.Zone()
		return fmt.Appendf(b, "%d.%09d%+d", t.Unix(), t.Nanosecond(), offset), true
	}
	b = append(b, '{')
	for _, field := range v.Fields() {
		if b, ok = appendCanonical(b, field, nested-1); !ok {
			return b, false
		}
		b = append(b, ',')
	}
	return append(b, '}'), true
}
