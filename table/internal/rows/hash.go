package rows

import (
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
	"unsafe"
)

// hasher returns the hash function for keys of type K. Integers and strings
// have faster ones than the general.
func hasher[K comparable]() func(K) uint64 {
	seed, salt := maphash.MakeSeed(), rand.Uint64()|1
	var zero K
	switch any(zero).(type) {
	case int64, uint64:
		return func(k K) uint64 { return mix(*(*uint64)(unsafe.Pointer(&k)), salt) }
	case int, uint:
		return func(k K) uint64 { return mix(uint64(*(*uint)(unsafe.Pointer(&k))), salt) }
	case int32, uint32:
		return func(k K) uint64 { return mix(uint64(*(*uint32)(unsafe.Pointer(&k))), salt) }
	case string:
		return func(k K) uint64 { return maphash.String(seed, *(*string)(unsafe.Pointer(&k))) }
	}
	return func(k K) uint64 { return maphash.Comparable(seed, k) }
}

// mix spreads a number over 64 bits.
func mix(x, salt uint64) uint64 {
	hi, lo := bits.Mul64(x^0x9e3779b97f4a7c15, salt^0xd6e8feb86659fd93)
	hi2, lo2 := bits.Mul64(hi^lo^salt, 0xa0761d6478bd642f)
	return hi2 ^ lo2
}
