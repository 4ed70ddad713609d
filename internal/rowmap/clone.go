package rowmap

import (
	"bytes"
	"math/big"
	"reflect"
	"unsafe"
)

// cloner returns how a value of a type is copied so that the copy shares
// nothing that can be written to. Values behind unexported fields are taken
// for immutable, as those of time.Time and of decimal types are, unless the
// type has a Clone method.
func cloner(t reflect.Type) func(dst, src unsafe.Pointer) {
	if plain(t) {
		return assigner(t)
	}
	switch {
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !hasClone(t):
		return func(dst, src unsafe.Pointer) { *(*[]byte)(dst) = bytes.Clone(*(*[]byte)(src)) }
	case t.Kind() == reflect.Pointer && plain(t.Elem()) && !hasClone(t):
		return pointerCloner(t.Elem())
	case t.Kind() == reflect.Slice && plain(t.Elem()) && !hasClone(t):
		return sliceCloner(t)
	}
	return func(dst, src unsafe.Pointer) {
		reflect.NewAt(t, dst).Elem().Set(cloneValue(reflect.NewAt(t, src).Elem()))
	}
}

func pointerCloner(elem reflect.Type) func(dst, src unsafe.Pointer) {
	if compiled := pointees[elem]; compiled != nil {
		return compiled
	}
	assign := assigner(elem)
	return func(dst, src unsafe.Pointer) {
		old := *(*unsafe.Pointer)(src)
		if old == nil {
			*(*unsafe.Pointer)(dst) = nil
			return
		}
		held := reflect.New(elem).UnsafePointer()
		assign(held, old)
		*(*unsafe.Pointer)(dst) = held
	}
}

func sliceCloner(t reflect.Type) func(dst, src unsafe.Pointer) {
	return func(dst, src unsafe.Pointer) {
		to, from := reflect.NewAt(t, dst).Elem(), reflect.NewAt(t, src).Elem()
		if from.IsNil() {
			to.SetZero()
			return
		}
		s := reflect.MakeSlice(t, from.Len(), from.Len())
		reflect.Copy(s, from)
		to.Set(s)
	}
}

// assigner copies by assignment, without reflection where that pays.
func assigner(t reflect.Type) func(dst, src unsafe.Pointer) {
	switch {
	case t.Kind() == reflect.String:
		return put[string]
	case t.Kind() == reflect.Bool || t.Size() == 1 && isNumber(t):
		return put[uint8]
	case t.Size() == 2 && isNumber(t):
		return put[uint16]
	case t.Size() == 4 && isNumber(t):
		return put[uint32]
	case t.Size() == 8 && isNumber(t):
		return put[uint64]
	}
	return func(dst, src unsafe.Pointer) {
		reflect.NewAt(t, dst).Elem().Set(reflect.NewAt(t, src).Elem())
	}
}

func put[T any](dst, src unsafe.Pointer) { *(*T)(dst) = *(*T)(src) }

func isNumber(t reflect.Type) bool {
	k := t.Kind()
	return reflect.Int <= k && k <= reflect.Float64
}

// plain reports whether an assignment copies all that can be written to.
func plain(t reflect.Type) bool {
	if hasClone(t) || t == bigInt {
		return false
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface:
		return false
	case reflect.Array:
		return plain(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && !plain(f.Type) {
				return false
			}
		}
	default:
	}
	return true
}

var bigInt = reflect.TypeFor[big.Int]()

// hasClone reports whether values of t have a method Clone() T.
func hasClone(t reflect.Type) bool {
	m, ok := t.MethodByName("Clone")
	return ok && t.Kind() != reflect.Interface && m.Type.NumIn() == 1 && m.Type.NumOut() == 1 && m.Type.Out(0) == t
}

func cloneAny(v any) any {
	switch v := v.(type) {
	case nil, string, bool, int64, float64, int:
		return v
	}
	return cloneValue(reflect.ValueOf(v)).Interface()
}

func cloneValue(v reflect.Value) reflect.Value {
	t := v.Type()
	if plain(t) {
		return v
	}
	if hasClone(t) && (t.Kind() != reflect.Pointer || !v.IsNil()) {
		return v.MethodByName("Clone").Call(nil)[0]
	}
	if t == bigInt {
		held := reflect.New(t)
		old := reflect.New(t)
		old.Elem().Set(v)
		held.Interface().(*big.Int).Set(old.Interface().(*big.Int))
		return held.Elem()
	}
	switch t.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		held := reflect.New(t.Elem())
		held.Elem().Set(cloneValue(v.Elem()))
		return held.Convert(t)
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		return cloneValue(v.Elem())
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		s := reflect.MakeSlice(t, v.Len(), v.Len())
		if plain(t.Elem()) {
			reflect.Copy(s, v)
			return s
		}
		for i := range v.Len() {
			s.Index(i).Set(cloneValue(v.Index(i)))
		}
		return s
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		m := reflect.MakeMapWithSize(t, v.Len())
		for entries := v.MapRange(); entries.Next(); {
			m.SetMapIndex(entries.Key(), cloneValue(entries.Value()))
		}
		return m
	case reflect.Array:
		a := reflect.New(t).Elem()
		for i := range v.Len() {
			a.Index(i).Set(cloneValue(v.Index(i)))
		}
		return a
	case reflect.Struct:
		s := reflect.New(t).Elem()
		s.Set(v)
		for i := range t.NumField() {
			if t.Field(i).IsExported() && !plain(t.Field(i).Type) {
				s.Field(i).Set(cloneValue(v.Field(i)))
			}
		}
		return s
	default:
		return v
	}
}
