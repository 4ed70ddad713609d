package rowmap

import (
	sqldriver "database/sql/driver"
	"reflect"
	"strconv"
	"time"
	"unsafe"
)

// untypedField compares and copies a column of rows that are map[string]any.
// A missing column is NULL.
func untypedField(c *Column) (equal func(a, b unsafe.Pointer) bool, clone func(dst, src unsafe.Pointer)) {
	column := *c
	equal = func(a, b unsafe.Pointer) bool {
		return sameAny(&column, (*(*map[string]any)(a))[column.Name], (*(*map[string]any)(b))[column.Name])
	}
	clone = func(dst, src unsafe.Pointer) {
		v, ok := (*(*map[string]any)(src))[column.Name]
		m := (*map[string]any)(dst)
		switch {
		case !ok:
			delete(*m, column.Name)
			return
		case *m == nil:
			*m = make(map[string]any)
		}
		(*m)[column.Name] = cloneAny(v)
	}
	return equal, clone
}

// sameAny compares two values whose types are not known beforehand: what a
// driver returned, and what a program put in its place.
func sameAny(c *Column, a, b any) bool {
	a, b = reduce(a), reduce(b)
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if x, ok := a.(time.Time); ok {
		y, ok := b.(time.Time)
		return ok && sameTime(c, x, y)
	}
	x, xIsBytes := a.([]byte)
	y, yIsBytes := b.([]byte)
	if xIsBytes && yIsBytes {
		return sameBytes(c, x, y)
	}
	s, sIsText := textOf(a)
	t, tIsText := textOf(b)
	if sIsText && tIsText {
		return sameText(c, s, t)
	}
	if same, ok := sameNumber(c, a, b); ok {
		return same
	}
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return false
	}
	if x := reflect.ValueOf(a); x.Comparable() {
		return x.Equal(reflect.ValueOf(b))
	}
	return reflect.DeepEqual(a, b)
}

// reduce follows pointers and asks Valuers, and makes bytes of the types that
// are bytes.
func reduce(v any) any {
	switch v := v.(type) {
	case nil, string, int64, float64, bool, time.Time, []byte:
		return v
	case sqldriver.Valuer:
		if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
			return nil
		}
		if x, err := v.Value(); err == nil {
			return x
		}
		return v
	}
	r := reflect.ValueOf(v)
	switch {
	case r.Kind() == reflect.Pointer:
		if r.IsNil() {
			return nil
		}
		return reduce(r.Elem().Interface())
	case r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8:
		return r.Bytes()
	case r.Kind() == reflect.String:
		return r.String()
	}
	return v
}

func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	}
	return "", false
}

// sameNumber compares two numbers of any two types, of which one may be text
// if the column is a numeric one. It returns false, false for what it does
// not know.
func sameNumber(c *Column, a, b any) (same, known bool) {
	x, okX := numberOf(c, a)
	y, okY := numberOf(c, b)
	if !okX || !okY {
		return false, false
	}
	if c.Kind == Float32 || c.Kind == Float64 || c.Kind == Unknown {
		fx, errX := strconv.ParseFloat(x, 64)
		fy, errY := strconv.ParseFloat(y, 64)
		if errX == nil && errY == nil && (isFloat(a) || isFloat(b)) {
			return sameFloat(c, fx, fy, 64), true
		}
	}
	return sameDecimal(x, y, c.Scale-1), true
}

func isFloat(v any) bool { return reflect.ValueOf(v).CanFloat() }

func numberOf(c *Column, v any) (string, bool) {
	r := reflect.ValueOf(v)
	switch {
	case r.CanInt():
		return strconv.FormatInt(r.Int(), 10), true
	case r.CanUint():
		return strconv.FormatUint(r.Uint(), 10), true
	case r.CanFloat():
		return strconv.FormatFloat(r.Float(), 'g', -1, r.Type().Bits()), true
	case r.Kind() == reflect.Bool && c.Kind == Bool:
		if r.Bool() {
			return "1", true
		}
		return "0", true
	}
	switch c.Kind {
	case Numeric, Int, Float32, Float64:
		return textOf(v)
	default:
		return "", false
	}
}
