package table

import (
	"testing"
)

// tenth is a party of which nothing is known.
type tenth struct{ party }

func keysOf(ids ...int64) map[told]struct{} {
	keys := map[told]struct{}{}
	for _, id := range ids {
		k, _ := plainKey(id)
		keys[k] = struct{}{}
	}
	return keys
}

// TestSweepServes: a party makes do with a sweep that has been opened if it reads
// everything that the party needs, of a moment that is neither before what it was
// told nor before what it shows.
func TestSweepServes(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		asked asked
		read  bool // by the party itself, since
		want  bool
	}{
		"the same":                         {asked{keys: keysOf(1, 2), position: 5, told: 5}, false, true},
		"a part of it":                     {asked{keys: keysOf(2), position: 5, told: 5}, false, true},
		"another row":                      {asked{keys: keysOf(1, 3), position: 5, told: 5}, false, false},
		"told later":                       {asked{keys: keysOf(1), position: 7, told: 7}, false, false},
		"nothing was told since":           {asked{keys: keysOf(1), position: 8, told: 6}, false, true},
		"told before what the sweep tells": {asked{keys: keysOf(1), position: 4, told: 4}, false, false},
		"asked for":                        {asked{keys: keysOf(1), position: 5, told: 5, fresh: true}, false, false},
		"opened before what it shows":      {asked{keys: keysOf(1), position: 5, told: 5}, true, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			g := &rereads{opened: 2}
			s := &seat{rereads: g, party: tenth{}, from: 2}
			other := &seat{rereads: g, party: tenth{}, from: 1}
			// One is at 6, of which it was told at 5, and another one at 5.
			f := &sweep{number: 2, low: 6, mark: "at 6", high: 6, keys: keysOf(1)}
			f.add(&asked{keys: keysOf(2), position: 5, told: 5, mark: "at 5"})
			f.add(&asked{keys: keysOf(1), position: 6, told: 5, mark: "at 6"})
			if f.mark != "at 5" {
				t.Errorf("it tells from the mark %q on", f.mark)
			}
			f.takers = map[*seat]taker{s: &siftTaker{}, other: &siftTaker{}}
			f.needed = map[*seat]struct{}{s: {}, other: {}}
			g.current = f
			if test.read {
				s.hasRead()
			}
			if got := f.serves(s, &test.asked); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
			other.past(2)
			if s.past(2); g.current != nil {
				t.Error("what everybody had is kept")
			}
		})
	}
}

// TestPlainKeys: a key looks the same whoever tells it.
func TestPlainKeys(t *testing.T) {
	t.Parallel()
	for _, same := range [][2][]any{{{int64(5)}, {uint64(5)}}, {{"a", int64(1)}, {"a", uint64(1)}}, {{[]byte("a")}, {[]byte("a")}}} {
		a, ok := plainKey(same[0]...)
		b, fine := plainKey(same[1]...)
		if a != b || !ok || !fine {
			t.Errorf("%v is not %v", same[0], same[1])
		}
	}
	for _, other := range [][2][]any{{{"a"}, {[]byte("a")}}, {{int64(-1)}, {^uint64(0)}}, {{"5"}, {int64(5)}}} {
		a, _ := plainKey(other[0]...)
		if b, _ := plainKey(other[1]...); a == b {
			t.Errorf("%v is %v", other[0], other[1])
		}
	}
	for _, none := range [][]any{{}, {1.5}, {nil}, {int64(1), int64(2), int64(3), int64(4), int64(5)}} {
		if k, ok := plainKey(none...); ok {
			t.Errorf("%v is the key %v", none, k)
		}
	}
}
