package cache

import (
	sqldriver "database/sql/driver"
	"math"
	"testing"
	"time"

	"github.com/vantage-go/live/driver"
)

// TestKeysDiffer: no two of these reads have the same key, however much alike
// they look.
func TestKeysDiffer(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	one := func(v sqldriver.Value) []sqldriver.NamedValue { return values(v) }
	named := func(name string, ordinal int, v sqldriver.Value) []sqldriver.NamedValue {
		return []sqldriver.NamedValue{{Name: name, Ordinal: ordinal, Value: v}}
	}
	all := [][]sqldriver.NamedValue{
		nil, one(nil), one(true), one(false), one(int64(1)), one(int64(-1)), one(int(1)), one(int8(1)), one(int16(1)), one(int32(1)),
		one(uint(1)), one(uint8(1)), one(uint16(1)), one(uint32(1)), one(uint64(1)), one(uint64(math.MaxUint64)),
		one(1.0), one(0.0), one(math.Copysign(0, -1)), one("1"), one(""), one("\x00"), one([]byte("1")), one([]byte{}), one([]byte(nil)),
		one(at), one(at.Add(1)), one(at.In(time.FixedZone("", 0))), one(at.In(time.FixedZone("A", 0))), one(at.In(time.FixedZone("A", 60))),
		one(at.Add(time.Hour)),
		named("a", 1, int64(1)), named("b", 1, int64(1)), named("", 2, int64(1)), named("a", 2, int64(1)),
		values("a", "b"), values("ab", ""), values("", "ab"), values("a\x00", "b"), values("a", "\x00b"),
		values(int64(1), int64(1)), values(nil, nil), values([]byte("a"), []byte("b")), values([]byte("ab"), []byte("")),
	}
	seen := make(map[string]int)
	for i, args := range all {
		for _, via := range []driver.Path{driver.Direct, driver.Prepared} {
			for _, settings := range []uint64{0, 1, 256} {
				rest, ok := appendKey(nil, via, settings, args)
				if !ok {
					t.Fatalf("%v cannot be part of a key", args)
				}
				if j, found := seen[string(rest)]; found {
					t.Errorf("%#v has the key of %#v", args, all[j])
				}
				seen[string(rest)] = i
				again, _ := appendKey(nil, via, settings, keepArgs(args))
				if string(again) != string(rest) {
					t.Errorf("%#v has two keys", args)
				}
			}
		}
	}
	for _, v := range []sqldriver.Value{time.Now(), float32(1), struct{}{}, []int{1}, complex(1, 1)} {
		if _, ok := appendKey(nil, 0, 0, one(v)); ok {
			t.Errorf("a %T is part of a key", v)
		}
	}
}
