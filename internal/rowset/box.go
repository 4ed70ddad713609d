package rowset

import (
	"time"
	"unsafe"
)

// A value in an interface is a pointer to its type and one to itself, which
// nobody writes through. Go makes one by allocating a copy of the value. A kept
// result has its values in memory already, which never changes: the interfaces
// made here point there, so that a hit costs no allocation for each value, and
// a kept one holds no interfaces, of which the garbage collector would have to
// follow every single one. TestBoxes checks the assumption.
type box struct{ kind, value unsafe.Pointer }

func kindOf(v any) unsafe.Pointer { return (*box)(unsafe.Pointer(&v)).kind }

var (
	intKind    = kindOf(int64(1 << 40))
	floatKind  = kindOf(float64(1.5))
	stringKind = kindOf("string")
	timeKind   = kindOf(time.Time{})
	bytesKind  = kindOf([]byte{})
)

func boxed(kind, value unsafe.Pointer) (v any) {
	*(*box)(unsafe.Pointer(&v)) = box{kind, value}
	return v
}

func boxString(s *string) any  { return boxed(stringKind, unsafe.Pointer(s)) }
func boxBytes(b *[]byte) any   { return boxed(bytesKind, unsafe.Pointer(b)) }
func boxTime(t *time.Time) any { return boxed(timeKind, unsafe.Pointer(t)) }
