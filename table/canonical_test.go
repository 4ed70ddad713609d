package table

import (
	"database/sql/driver"
	"errors"
	"math/big"
	"testing"
	"time"
)

// grade is a number of which some look the same when they are printed.
type grade int64

// String tells good ones from the others.
func (g grade) String() string {
	if g == 1 {
		return "good"
	}
	return "unknown"
}

// spot is a struct that looks the same when it is printed, as long as its city does.
type spot struct {
	City   grade
	street string
	floor  *int
}

func (p spot) String() string { return p.City.String() }

// stamp keeps a time to itself.
type stamp struct {
	at time.Time
}

func (s stamp) Value() (driver.Value, error) {
	if s.at.IsZero() {
		return nil, errors.New("no time")
	}
	return s.at, nil
}

// ring may hold itself.
type ring struct{ next *ring }

// TestCanonical: values have the same text if they are the same, whatever their
// methods print and wherever they lie.
func TestCanonical(t *testing.T) {
	t.Parallel()
	at := func(n int) *int { return &n }
	now := time.Unix(1700000000, 5)
	zone := func(seconds int) *time.Location { return time.FixedZone("Z", seconds) }
	seen := map[string]any{}
	for _, value := range []func() any{
		func() any { return nil },
		func() any { return 1 },
		func() any { return int64(1) },
		func() any { return uint8(1) },
		func() any { return 1.0 },
		func() any { return 1.5 },
		func() any { return complex(1, 2) },
		func() any { return true },
		func() any { return "1" },
		func() any { return "nil" },
		func() any { return "" },
		func() any { return []byte(nil) },
		func() any { return []byte{} },
		func() any { return []byte("a") },
		func() any { return [1]byte{'a'} },
		func() any { return []string{"a,b"} },
		func() any { return []string{"a", "b"} },
		func() any { return []any{"a", 1} },
		func() any { return []any{"a", "1"} },
		func() any { return []any{"a", nil} },
		func() any { return map[string]int(nil) },
		func() any { return map[string]int{"a": 1, "b": 2, "c": 3} },
		func() any { return map[string]int{"a": 2, "b": 1, "c": 3} },
		func() any { return (*int)(nil) },
		func() any { return at(1) },
		func() any { return at(2) },
		func() any { return grade(1) },
		func() any { return grade(2) },
		func() any { return grade(3) },
		func() any { return spot{City: 1, street: "a"} },
		func() any { return spot{City: 1, street: "b"} },
		func() any { return spot{City: 1, street: "b", floor: at(1)} },
		func() any { return spot{City: 1, street: "b", floor: at(2)} },
		func() any { return *big.NewInt(1) },
		func() any { return *big.NewInt(-1) },
		func() any { return big.NewInt(1) },
		func() any { return now.In(zone(0)) },
		func() any { return now.In(zone(1)) },
		func() any { return now.Add(1).In(zone(0)) },
		func() any { return stamp{now.In(zone(0))} },
		func() any { return stamp{now.Add(1).In(zone(0))} },
	} {
		v := value()
		text, ok := canonical(v)
		again, _ := canonical(value())
		if !ok || text != again {
			t.Errorf("%#v: %q, %t, and made again %q", v, text, ok, again)
		}
		if other, twice := seen[text]; twice {
			t.Errorf("%#v and %#v have the same text: %s", other, v, text)
		}
		seen[text] = v
	}
	loop := &ring{}
	loop.next = loop
	for _, v := range []any{func() {}, make(chan int), loop, stamp{}, []any{1, func() {}}, map[string]any{"a": func() {}}, struct{ at time.Time }{now}} {
		if text, ok := canonical(v); ok {
			t.Errorf("%T: %q", v, text)
		}
	}
}

// TestKeysThatLookAlike: rows of a query are told apart by the values of their key,
// and not by what these look like.
func TestKeysThatLookAlike(t *testing.T) {
	t.Parallel()
	type placed struct {
		Place spot `db:"place,pk"`
	}
	s, err := newQuerySource[placed](&Database{}, Query{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]spot{}
	for _, p := range []spot{{City: 1}, {City: 2}, {City: 3}, {City: 2, street: "a"}} {
		key, err := s.schema.key(&placed{p})
		if err != nil {
			t.Fatal(err)
		}
		if other, twice := seen[key]; twice {
			t.Errorf("%#v and %#v have the same key", other, p)
		}
		seen[key] = p
	}
	type called struct {
		Back chan int `db:"back,pk"`
	}
	c, err := newQuerySource[called](&Database{}, Query{})
	if err != nil {
		t.Fatal(err)
	}
	if key, err := c.schema.key(&called{}); err == nil {
		t.Errorf("a channel has the key %q", key)
	}
}
