package cache

import (
	"bytes"
	sqldriver "database/sql/driver"
	"hash/maphash"
	"math"
	"math/bits"
	"time"

	"github.com/vantage-go/live/driver"
)

// key identifies a result within one handle. The statement stands for its
// text. The hash only finds
// candidates: keys are equal when all of it is equal, type by type.
type key struct {
	statement *statement
	via       driver.Path
	args      []sqldriver.NamedValue
}

// equal compares args with those of the key. Values of different types are
// different, also where a database would find them equal.
func (k *key) equal(st *statement, via driver.Path, args []sqldriver.NamedValue) bool {
	if k.via != via || !k.statement.same(st) || len(k.args) != len(args) {
		return false
	}
	for i := range args {
		a, b := &k.args[i], &args[i]
		if a.Ordinal != b.Ordinal || a.Name != b.Name || !sameValue(a.Value, b.Value) {
			return false
		}
	}
	return true
}

func sameValue(a, b sqldriver.Value) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case int64:
		b, ok := b.(int64)
		return ok && a == b
	case string:
		b, ok := b.(string)
		return ok && a == b
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case float64:
		b, ok := b.(float64)
		return ok && math.Float64bits(a) == math.Float64bits(b)
	case []byte:
		b, ok := b.([]byte)
		return ok && (a == nil) == (b == nil) && bytes.Equal(a, b)
	case time.Time:
		// Not Equal: a driver may write down the location, and even the
		// monotonic reading.
		b, ok := b.(time.Time)
		return ok && a == b //nolint:staticcheck // Equal forgets the representation
	case int, int8, int16, int32, uint, uint8, uint16, uint32, uint64:
		return a == b
	}
	return false
}

// keep returns a copy of args that shares no memory with the caller.
func keepArgs(args []sqldriver.NamedValue) []sqldriver.NamedValue {
	kept := append([]sqldriver.NamedValue(nil), args...)
	for i := range kept {
		if b, ok := kept[i].Value.([]byte); ok {
			kept[i].Value = bytes.Clone(b)
		}
	}
	return kept
}

// hasher hashes keys with secrets of its own, so that nobody can choose
// arguments that collide.
type hasher struct {
	seed   maphash.Seed
	secret uint64
}

func newHasher() hasher {
	seed := maphash.MakeSeed()
	return hasher{seed: seed, secret: maphash.String(seed, "livesql") | 1}
}

func (h hasher) text(s string) uint64 { return maphash.String(h.seed, s) }

// mix folds v into the hash x.
func (h hasher) mix(x, v uint64) uint64 {
	hi, lo := bits.Mul64(x^v^h.secret, 0x9E3779B97F4A7C15)
	return hi ^ lo
}

// key hashes a key. It returns false for an argument of a type that it does
// not know exactly: such a read is not cached.
func (h hasher) key(st *statement, via driver.Path, args []sqldriver.NamedValue) (uint64, bool) {
	x := h.mix(st.seed, uint64(via)<<32|uint64(len(args)))
	for i := range args {
		nv := &args[i]
		if nv.Name != "" {
			x = h.mix(x, h.text(nv.Name))
		}
		switch v := nv.Value.(type) {
		case nil:
			x = h.mix(x, 1)
		case int64:
			x = h.mix(h.mix(x, 2), uint64(v))
		case string:
			x = h.mix(h.mix(x, 3), h.text(v))
		case bool:
			n := uint64(4)
			if v {
				n = 5
			}
			x = h.mix(x, n)
		case float64:
			x = h.mix(h.mix(x, 6), math.Float64bits(v))
		case []byte:
			x = h.mix(h.mix(x, 7), maphash.Bytes(h.seed, v))
		case time.Time:
			x = h.mix(h.mix(x, 8), uint64(v.UnixNano()))
		default:
			kind, bits, ok := integer(v)
			if !ok {
				return 0, false
			}
			x = h.mix(h.mix(x, kind), bits)
		}
	}
	return x, true
}

// integer returns the kind and the bits of an integer other than int64. Some
// drivers (pgx) take arguments as the program gives them.
func integer(v sqldriver.Value) (kind, bits uint64, ok bool) {
	switch v := v.(type) {
	case int:
		return 9, uint64(v), true
	case int8:
		return 10, uint64(v), true
	case int16:
		return 11, uint64(v), true
	case int32:
		return 12, uint64(v), true
	case uint:
		return 13, uint64(v), true
	case uint8:
		return 14, uint64(v), true
	case uint16:
		return 15, uint64(v), true
	case uint32:
		return 16, uint64(v), true
	case uint64:
		return 17, v, true
	}
	return 0, 0, false
}
