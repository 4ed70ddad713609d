package cache

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/dialects"
)

// Rows of several tables do not share the memory that there is for those of one.
func TestNarrow(t *testing.T) {
	t.Parallel()
	tables := []dialects.Table{{Name: "t"}, {Name: "u"}, {Name: "whole"}}
	pin := func(i int, params ...int) dialects.Pin {
		p := dialects.Pin{Table: tables[i], Kinds: []dialects.KeyKind{dialects.TextKey}}
		for _, n := range params {
			p.Rows = append(p.Rows, []dialects.Operand{{Param: n}})
		}
		return p
	}
	key := func(text string) dialects.Key {
		keys, ok := new(pin(0, 1)).Keys(values(text))
		if !ok {
			t.Fatal("no key")
		}
		return keys[0]
	}
	st := &statement{analysis: &dialects.Analysis{Reads: tables, Pins: []dialects.Pin{pin(0, 1), pin(1, 2), pin(1, 3)}}}
	var m few
	for range 2 {
		want := []core.Rows{{Table: tables[0], Keys: []dialects.Key{key("a")}}, {Table: tables[1], Keys: []dialects.Key{key("b"), key("c")}}, {Table: tables[2]}}
		if got := st.reads(values("a", "b", "c"), &m); !cmp.Equal(got, want) {
			t.Error(cmp.Diff(want, got))
		}
		// What cannot be told counts as all.
		want = []core.Rows{{Table: tables[0]}, {Table: tables[1]}, {Table: tables[2]}}
		if got := st.reads(values(1.5, "b", 1.5), &m); !cmp.Equal(got, want) {
			t.Error(cmp.Diff(want, got))
		}
	}
}
