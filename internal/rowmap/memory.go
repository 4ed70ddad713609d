package rowmap

import (
	"reflect"
	"unsafe"
)

// memory makes and copies whole rows of a struct type, compiled for it: through
// reflection, it takes three times as long.
type memory struct {
	fresh  func() any
	twin   func(src unsafe.Pointer) any // what an assignment copies
	assign func(dst, src unsafe.Pointer)
}

func memoryOf[T any]() memory {
	return memory{
		fresh: func() any { return new(T) },
		twin: func(src unsafe.Pointer) any {
			row := new(T)
			*row = *(*T)(src)
			return row
		},
		assign: func(dst, src unsafe.Pointer) { *(*T)(dst) = *(*T)(src) },
	}
}

// pointees are cloners of pointers to the types that most nullable columns have.
var pointees = map[reflect.Type]func(dst, src unsafe.Pointer){
	reflect.TypeFor[string]():  pointee[string],
	reflect.TypeFor[int64]():   pointee[int64],
	reflect.TypeFor[int]():     pointee[int],
	reflect.TypeFor[int32]():   pointee[int32],
	reflect.TypeFor[float64](): pointee[float64],
	reflect.TypeFor[bool]():    pointee[bool],
}

func pointee[T any](dst, src unsafe.Pointer) {
	from := *(**T)(src)
	if from == nil {
		*(**T)(dst) = nil
		return
	}
	held := new(T)
	*held = *from
	*(**T)(dst) = held
}
