package rowmap

import (
	"bytes"
	sqldriver "database/sql/driver"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// comparer returns how two values of a Go type are compared in a column.
func comparer(t reflect.Type, c *Column) func(a, b unsafe.Pointer) bool {
	if eq := comparerByType(t, c); eq != nil {
		return eq
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Int8, reflect.Uint8:
		return identical[uint8]
	case reflect.Int16, reflect.Uint16:
		return identical[uint16]
	case reflect.Int32, reflect.Uint32:
		return identical[uint32]
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return identical[uint64]
	case reflect.Float32:
		return func(a, b unsafe.Pointer) bool {
			return sameFloat(c, float64(*(*float32)(a)), float64(*(*float32)(b)), 32)
		}
	case reflect.Float64:
		return func(a, b unsafe.Pointer) bool {
			return sameFloat(c, *(*float64)(a), *(*float64)(b), 64)
		}
	case reflect.String:
		return textComparer(t, c)
	case reflect.Pointer:
		return pointerComparer(t, c)
	case reflect.Slice:
		return sliceComparer(t, c)
	case reflect.Interface:
		return func(a, b unsafe.Pointer) bool {
			return sameAny(c, reflect.NewAt(t, a).Elem().Interface(), reflect.NewAt(t, b).Elem().Interface())
		}
	default:
		return lastResort(t, c)
	}
}

// comparerByType knows single types, and types by their methods.
func comparerByType(t reflect.Type, c *Column) func(a, b unsafe.Pointer) bool {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return func(a, b unsafe.Pointer) bool {
			// Most fields of most rows are as they were.
			return *(*timeWords)(a) == *(*timeWords)(b) || sameTime(c, *(*time.Time)(a), *(*time.Time)(b))
		}
	case t == bigInt:
		return func(a, b unsafe.Pointer) bool { return (*big.Int)(a).Cmp((*big.Int)(b)) == 0 }
	case isNullable(t):
		return nullComparer(t, c)
	case hasEqual(t):
		return equalMethod(t)
	}
	return nil
}

// timeWords is the memory of a time.Time.
type timeWords [unsafe.Sizeof(time.Time{}) / unsafe.Sizeof(uintptr(0))]uintptr

func identical[T comparable](a, b unsafe.Pointer) bool { return *(*T)(a) == *(*T)(b) }

// isNullable reports whether t is one of database/sql's types for NULL.
func isNullable(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.PkgPath() == "database/sql" && t.NumField() == 2 && t.Field(1).Name == "Valid"
}

func nullComparer(t reflect.Type, c *Column) func(a, b unsafe.Pointer) bool {
	value := comparer(t.Field(0).Type, c)
	valid := t.Field(1).Offset
	return func(a, b unsafe.Pointer) bool {
		va, vb := *(*bool)(unsafe.Add(a, valid)), *(*bool)(unsafe.Add(b, valid))
		return va == vb && (!va || value(a, b))
	}
}

func pointerComparer(t reflect.Type, c *Column) func(a, b unsafe.Pointer) bool {
	elem := comparer(t.Elem(), c)
	return func(a, b unsafe.Pointer) bool {
		pa, pb := *(*unsafe.Pointer)(a), *(*unsafe.Pointer)(b)
		return pa == pb || pa != nil && pb != nil && elem(pa, pb)
	}
}

// hasEqual reports whether values of t have a method Equal(T) bool.
func hasEqual(t reflect.Type) bool {
	m, ok := t.MethodByName("Equal")
	return ok && t.Kind() != reflect.Interface && m.Type.NumIn() == 2 && m.Type.In(1) == t &&
		m.Type.NumOut() == 1 && m.Type.Out(0).Kind() == reflect.Bool
}

func equalMethod(t reflect.Type) func(a, b unsafe.Pointer) bool {
	m, _ := t.MethodByName("Equal")
	nillable := t.Kind() == reflect.Pointer
	return func(a, b unsafe.Pointer) bool {
		va, vb := reflect.NewAt(t, a).Elem(), reflect.NewAt(t, b).Elem()
		if nillable && (va.IsNil() || vb.IsNil()) {
			return va.IsNil() && vb.IsNil()
		}
		return m.Func.Call([]reflect.Value{va, vb})[0].Bool()
	}
}

func textComparer(t reflect.Type, c *Column) func(a, b unsafe.Pointer) bool {
	eq := func(a, b unsafe.Pointer) bool { return sameText(c, *(*string)(a), *(*string)(b)) }
	switch {
	case t.Implements(valuerType):
		other := lastResort(t, c)
		return func(a, b unsafe.Pointer) bool { return eq(a, b) || other(a, b) }
	case c.Kind == Unknown || c.Kind == Text || c.Kind == JSON:
		return identical[string]
	}
	return eq
}

func sliceComparer(t reflect.Type, c *Column) func(a, b unsafe.Pointer) bool {
	if t.Elem().Kind() == reflect.Uint8 {
		return func(a, b unsafe.Pointer) bool { return sameBytes(c, *(*[]byte)(a), *(*[]byte)(b)) }
	}
	elem := comparer(t.Elem(), &Column{})
	size := t.Elem().Size()
	type slice struct {
		data     unsafe.Pointer
		len, cap int
	}
	return func(a, b unsafe.Pointer) bool {
		sa, sb := (*slice)(a), (*slice)(b)
		if sa.len != sb.len || (sa.data == nil) != (sb.data == nil) {
			return false
		}
		for i := range sa.len {
			at := size * uintptr(i)
			if !elem(unsafe.Add(sa.data, at), unsafe.Add(sb.data, at)) {
				return false
			}
		}
		return true
	}
}

var valuerType = reflect.TypeFor[sqldriver.Valuer]()

// lastResort compares what the driver would be given, for types that have
// nothing better, and everything else as Go does.
func lastResort(t reflect.Type, c *Column) func(a, b unsafe.Pointer) bool {
	direct := t.Comparable() && t.Kind() != reflect.Interface
	valuer := t.Implements(valuerType) || reflect.PointerTo(t).Implements(valuerType)
	return func(a, b unsafe.Pointer) bool {
		va, vb := reflect.NewAt(t, a), reflect.NewAt(t, b)
		if direct && va.Elem().Comparable() && va.Elem().Equal(vb.Elem()) {
			return true
		}
		if valuer {
			xa, errA := va.Interface().(sqldriver.Valuer).Value()
			xb, errB := vb.Interface().(sqldriver.Valuer).Value()
			return errA == nil && errB == nil && sameAny(c, xa, xb)
		}
		return !direct && reflect.DeepEqual(va.Elem().Interface(), vb.Elem().Interface())
	}
}

func sameFloat(c *Column, a, b float64, bits int) bool {
	if a == b || a != a && b != b { // NaN
		return true
	}
	switch c.Kind {
	case Float32:
		return float32(a) == float32(b)
	case Numeric:
		if math.IsInf(a, 0) || math.IsInf(b, 0) || a != a || b != b {
			return false
		}
		return sameDecimal(strconv.FormatFloat(a, 'g', -1, bits), strconv.FormatFloat(b, 'g', -1, bits), c.Scale-1)
	default:
		return false
	}
}

func sameText(c *Column, a, b string) bool {
	if a == b {
		return true
	}
	switch c.Kind {
	case Numeric:
		return sameDecimal(a, b, c.Scale-1)
	case Char:
		return strings.TrimRight(a, " ") == strings.TrimRight(b, " ")
	case JSONB:
		return sameJSON([]byte(a), []byte(b))
	case UUID:
		return sameUUID(a, b)
	default:
		return false
	}
}

func sameBytes(c *Column, a, b []byte) bool {
	if (a == nil) != (b == nil) {
		return false
	}
	if bytes.Equal(a, b) {
		return true
	}
	switch c.Kind {
	case Numeric, Char, UUID:
		return sameText(c, string(a), string(b))
	case JSONB:
		return sameJSON(a, b)
	default:
		return false
	}
}

func sameTime(c *Column, a, b time.Time) bool {
	switch c.Kind {
	case Date:
		ya, ma, da := a.Date()
		yb, mb, db := b.Date()
		return ya == yb && ma == mb && da == db
	case WallClock:
		a, b = wall(a), wall(b)
	default:
	}
	if a.Equal(b) {
		return true
	}
	unit := c.unit()
	if unit == 0 {
		return false
	}
	return inUnits(a, unit, c.Truncates).Equal(inUnits(b, unit, c.Truncates))
}

// inUnits is t as a column keeps it. The units are those of the calendar,
// which time.Time's own Round counts from, too.
func inUnits(t time.Time, unit time.Duration, cut bool) time.Time {
	if cut {
		return t.Truncate(unit)
	}
	return t.Round(unit)
}

// wall is what a clock shows at t, as a time in UTC.
func wall(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// sameUUID compares the digits.
func sameUUID(a, b string) bool {
	i, j := 0, 0
	for {
		for i < len(a) && strings.IndexByte("-{}", a[i]) >= 0 {
			i++
		}
		for j < len(b) && strings.IndexByte("-{}", b[j]) >= 0 {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if lower(a[i]) != lower(b[j]) {
			return false
		}
		i, j = i+1, j+1
	}
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
