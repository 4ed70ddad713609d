package cache

import (
	"context"
	"errors"
	"testing"
)

// TestReadOptions: options add up, and a token is asked for until it is
// reached, by each cache for itself.
func TestReadOptions(t *testing.T) {
	asked := 0
	reached := map[string]bool{}
	newCache := func() *Cache {
		c, err := New(nil, nil, Config{Reached: func(token string) (bool, error) {
			asked++
			if token == "foreign" {
				return false, errors.New("of another database")
			}
			return reached[token], nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	one, two := newCache(), newCache()
	if optionsOf(context.Background()) != nil {
		t.Error("options of a plain context")
	}
	outer := WaitFor(t.Context(), "a")
	both := NoCache(WaitFor(outer, "b"))
	if o := optionsOf(outer); o.noCache || len(o.tokens) != 1 {
		t.Errorf("an inner context changed the outer one to %+v", o)
	}
	if o := optionsOf(both); !o.noCache || len(o.tokens) != 2 {
		t.Errorf("the inner context has %+v", o)
	}
	is := func(c *Cache, ctx context.Context, want bool, wantAsked int) {
		t.Helper()
		asked = 0
		if got := optionsOf(ctx).reached(c); got != want || asked != wantAsked {
			t.Errorf("reached %v after %d questions, want %v after %d", got, asked, want, wantAsked)
		}
	}
	is(one, both, false, 1)
	reached["a"] = true
	is(one, both, false, 2)
	is(one, outer, true, 0)
	reached["b"] = true
	is(one, both, true, 1)
	is(one, both, true, 0)
	is(two, both, true, 2)
	is(one, WaitFor(outer, "foreign"), false, 2) // the other cache was asked last
}
