package cache

import (
	sqldriver "database/sql/driver"
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/internal/rowset"
)

// key identifies a result within one handle. The statement stands for its text;
// rest is everything else: the way, the settings and the arguments. Keys are
// equal when all of it is; the hash only finds candidates.
type key struct {
	statement *statement
	rest      []byte
}

// is reports whether the key is that of an entry.
func (k *key) is(e *kept, shape *rowset.Shape) bool {
	return k.statement.same(statementOf(shape)) && string(k.rest) == e.set.Head()
}

func (k *key) equal(other *key) bool {
	return k.statement.same(other.statement) && string(k.rest) == string(other.rest)
}

// The beginning of rest.
const (
	viaAt      = 0
	settingsAt = 1
	argsAt     = 9
)

func (k *key) setVia(via driver.Path) { k.rest[viaAt] = byte(via) }

// setSettings puts a number of settings into the key: what the result depends on
// beside text and arguments, see [dialects.Place].
func (k *key) setSettings(n uint64) { binary.NativeEndian.PutUint64(k.rest[settingsAt:], n) }

func (k *key) settings() uint64 { return binary.NativeEndian.Uint64(k.rest[settingsAt:]) }

// appendKey appends what follows the statement in a key. It returns false for an
// argument of a type that it does not know exactly: such a read is not cached.
// Arguments of different types are different, also where a database would find
// them equal.
func appendKey(rest []byte, via driver.Path, settings uint64, args []sqldriver.NamedValue) ([]byte, bool) {
	rest = binary.NativeEndian.AppendUint64(append(rest, byte(via)), settings)
	for i := range args {
		nv := &args[i]
		if nv.Name != "" {
			rest = appendText(append(rest, argNamed), nv.Name)
		}
		if nv.Ordinal != i+1 {
			rest = binary.AppendVarint(append(rest, argOrdinal), int64(nv.Ordinal))
		}
		var ok bool
		if rest, ok = appendArg(rest, nv.Value); !ok {
			return rest, false
		}
	}
	return rest, true
}

// What follows, in a key.
const (
	argNamed byte = iota
	argOrdinal
	argNil
	argFalse
	argTrue
	argInt64
	argFloat64
	argString
	argBytes
	argNilBytes
	argTime
	argInteger // and more: one for each type
)

func appendArg(rest []byte, value sqldriver.Value) ([]byte, bool) {
	switch v := value.(type) {
	case nil:
		return append(rest, argNil), true
	case int64:
		return binary.NativeEndian.AppendUint64(append(rest, argInt64), uint64(v)), true
	case string:
		return appendText(append(rest, argString), v), true
	case bool:
		if v {
			return append(rest, argTrue), true
		}
		return append(rest, argFalse), true
	case float64:
		return binary.NativeEndian.AppendUint64(append(rest, argFloat64), math.Float64bits(v)), true
	case []byte:
		if v == nil {
			return append(rest, argNilBytes), true
		}
		rest = binary.AppendUvarint(append(rest, argBytes), uint64(len(v)))
		return append(rest, v...), true
	case time.Time:
		return appendTime(rest, v)
	}
	kind, bits, ok := integer(value)
	if !ok {
		return rest, false
	}
	return binary.NativeEndian.AppendUint64(append(rest, argInteger+kind), bits), true
}

// sayNow reports whether an argument may stand for a moment that the clock of
// the database decides.
func sayNow(args []sqldriver.NamedValue) bool {
	for i := range args {
		switch v := args[i].Value.(type) {
		case string:
			if dialects.SaysNow(v) {
				return true
			}
		case []byte:
			if dialects.SaysNow(string(v)) {
				return true
			}
		}
	}
	return false
}

func appendText(rest []byte, text string) []byte {
	return append(binary.AppendUvarint(rest, uint64(len(text))), text...)
}

// appendTime appends a time with its location: a driver may write it down. One
// with a monotonic reading, which a driver may write down, too, is like no other.
func appendTime(rest []byte, t time.Time) ([]byte, bool) {
	if t != t.Round(0) {
		return rest, false
	}
	rest = binary.NativeEndian.AppendUint64(append(rest, argTime), uint64(t.Unix()))
	rest = binary.NativeEndian.AppendUint32(rest, uint32(t.Nanosecond()))
	zone, offset := t.Zone()
	return binary.AppendVarint(appendText(appendText(rest, t.Location().String()), zone), int64(offset)), true
}

// integer returns the kind and the bits of an integer other than int64. Some
// drivers (pgx) take arguments as the program gives them.
func integer(v sqldriver.Value) (kind byte, bits uint64, ok bool) {
	switch v := v.(type) {
	case int:
		return 0, uint64(v), true
	case int8:
		return 1, uint64(v), true
	case int16:
		return 2, uint64(v), true
	case int32:
		return 3, uint64(v), true
	case uint:
		return 4, uint64(v), true
	case uint8:
		return 5, uint64(v), true
	case uint16:
		return 6, uint64(v), true
	case uint32:
		return 7, uint64(v), true
	case uint64:
		return 8, v, true
	}
	return 0, 0, false
}

// keepArgs returns a copy of args that shares no memory with the caller.
func keepArgs(args []sqldriver.NamedValue) []sqldriver.NamedValue {
	kept := append([]sqldriver.NamedValue(nil), args...)
	for i := range kept {
		if b, ok := kept[i].Value.([]byte); ok && b != nil {
			kept[i].Value = append([]byte{}, b...)
		}
	}
	return kept
}

// hasher hashes keys with secrets of its own, so that nobody can choose
// arguments that collide.
type hasher struct{ seed maphash.Seed }

func newHasher() hasher { return hasher{maphash.MakeSeed()} }

func (h hasher) text(s string) uint64 { return maphash.String(h.seed, s) }

func (h hasher) key(k *key) uint64 {
	hi, lo := bits.Mul64(k.statement.seed^maphash.Bytes(h.seed, k.rest), 0x9E3779B97F4A7C15)
	return hi ^ lo
}
