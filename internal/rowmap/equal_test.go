package rowmap_test

import (
	"bytes"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vantage-go/live/internal/rowmap"
)

// money has a method of its own to compare.
type money struct{ cents *big.Int }

func (m money) Equal(n money) bool { return m.cents.Cmp(n.cents) == 0 }

// document is kept as JSON.
type document struct{ Tags []string }

func (d document) Value() (sqldriver.Value, error) {
	text, err := json.Marshal(d)
	return text, err
}

// level is a word to the database, whose case does not count.
type level string

func (l level) Value() (sqldriver.Value, error) { return strings.ToLower(string(l)), nil }

// pair is two values of a column, and whether they are the same to it.
type pair struct {
	name string
	same bool
	test func(tb testing.TB) bool
}

func values[T any](name string, c rowmap.Column, a, b T, same bool) pair {
	return pair{fmt.Sprintf("%s %T", name, a), same, func(tb testing.TB) bool {
		tb.Helper()
		type row struct {
			V T `db:"v"`
		}
		x, y := row{a}, row{b}
		p := columnPlan[row](tb, c)
		diff := p.Diff(&x, &y)
		back := p.Diff(&y, &x)
		if diff != back {
			tb.Error("a differs from b, and b does not differ from a")
		}
		if d := p.Diff(&x, p.Clone(&x)); !d.Empty() {
			tb.Error("a clone differs")
		}
		return diff.Empty()
	}}
}

func untyped(name string, c rowmap.Column, a, b any, same bool) pair {
	return pair{fmt.Sprintf("untyped %s %T %T", name, a, b), same, func(tb testing.TB) bool {
		tb.Helper()
		c.Name = "v"
		p, err := rowmap.Untyped([]rowmap.Column{c}, nil)
		if err != nil {
			tb.Fatal(err)
		}
		x, y := map[string]any{"v": a}, map[string]any{"v": b}
		diff := p.Diff(&x, &y)
		if diff != p.Diff(&y, &x) {
			tb.Error("a differs from b, and b does not differ from a")
		}
		return diff.Empty()
	}}
}

func kind(k rowmap.Kind) rowmap.Column { return rowmap.Column{Kind: k} }

func keeps(k rowmap.Kind, digits int, truncates bool) rowmap.Column {
	c := rowmap.Column{Kind: k, Truncates: truncates}
	c.Keeps(digits)
	return c
}

func scale(n int) rowmap.Column { return rowmap.Column{Kind: rowmap.Numeric, Scale: n + 1} }

func pointer[T any](v T) *T { return &v }

var (
	noon   = time.Date(2026, 5, 1, 12, 0, 0, 123456789, time.UTC)
	riga   = time.FixedZone("Riga", 3*3600)
	zero   = 0.0
	minus0 = math.Copysign(0, -1)
)

var pairs = []pair{
	values("time, other zone", kind(rowmap.Instant), noon, noon.In(riga), true),
	values("time, monotonic clock", kind(rowmap.Instant), pointer(time.Now()), pointer(time.Now().Add(1)), false),
	values("time, rounded", keeps(rowmap.Instant, 6, false), noon, noon.Round(time.Microsecond), true),
	values("time, rounded up", keeps(rowmap.Instant, 0, false), noon.Add(600*time.Millisecond), noon.Add(time.Second).Truncate(time.Second), true),
	values("time, cut", keeps(rowmap.Instant, 0, true), noon.Add(600*time.Millisecond), noon.Truncate(time.Second), true),
	values("time, cut is not rounded", keeps(rowmap.Instant, 0, true), noon.Add(600*time.Millisecond), noon.Add(time.Second).Truncate(time.Second), false),
	values("time, a microsecond apart", keeps(rowmap.Instant, 6, false), noon, noon.Add(time.Microsecond), false),
	values("time, unknown precision", kind(rowmap.Unknown), noon, noon.Round(time.Microsecond), false),
	values("wall clock, zone lost", keeps(rowmap.WallClock, 6, false), time.Date(2026, 5, 1, 15, 0, 0, 0, riga), time.Date(2026, 5, 1, 15, 0, 0, 0, time.UTC), true),
	values("wall clock, same instant", keeps(rowmap.WallClock, 6, false), time.Date(2026, 5, 1, 15, 0, 0, 0, riga), time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), false),
	values("date", kind(rowmap.Date), noon, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), true),
	values("date, next day", kind(rowmap.Date), noon, noon.AddDate(0, 0, 1), false),

	values("numeric text", kind(rowmap.Numeric), "1.50", "1.5", true),
	values("numeric text, exponent", kind(rowmap.Numeric), "15e-1", "1.5", true),
	values("numeric text, huge exponent", kind(rowmap.Numeric), "1e1000000000", "1e999999999", false),
	values("numeric text, NaN", kind(rowmap.Numeric), "NaN", "nan", true),
	values("numeric text, minus zero", kind(rowmap.Numeric), "-0.00", "0", true),
	values("numeric(12,2)", scale(2), "1.005", "1.01", true),
	values("numeric(12,2), negative", scale(2), "-1.005", "-1.01", true),
	values("numeric(12,2), carries", scale(2), "9.999", "10", true),
	values("numeric(12,2), other", scale(2), "1.004", "1.01", false),
	values("numeric bytes", kind(rowmap.Numeric), []byte("1.50"), []byte("1.5"), true),
	values("numeric float", scale(2), 1.005, 1.01, true),
	values("text is no number", kind(rowmap.Text), "1.50", "1.5", false),

	values("float NaN", kind(rowmap.Float64), math.NaN(), math.NaN(), true),
	values("float minus zero", kind(rowmap.Float64), minus0, zero, true),
	values("float infinity", kind(rowmap.Float64), math.Inf(1), math.Inf(-1), false),
	values("real", kind(rowmap.Float32), 0.1, float64(float32(0.1)), true),
	values("double", kind(rowmap.Float64), 0.1, float64(float32(0.1)), false),
	values("float32 NaN", kind(rowmap.Float32), float32(math.NaN()), float32(math.NaN()), true),

	values("jsonb", kind(rowmap.JSONB), `{"a":1,"b":[1,2]}`, `{ "b": [1.0, 2], "a": 1 }`, true),
	values("jsonb, repeated name", kind(rowmap.JSONB), `{"a":1,"a":2}`, `{"a":2}`, true),
	values("jsonb, digits beyond a float", kind(rowmap.JSONB), `12345678901234567890`, `12345678901234567891`, false),
	values("jsonb, order of a list", kind(rowmap.JSONB), `[1,2]`, `[2,1]`, false),
	values("jsonb raw", kind(rowmap.JSONB), json.RawMessage(`{"a": 1}`), json.RawMessage(`{"a":1}`), true),
	values("jsonb, no document", kind(rowmap.JSONB), `{"a": 1`, `{"a":1`, false),
	values("jsonb through Value", kind(rowmap.JSONB), document{[]string{"x"}}, document{[]string{"x"}}, true),
	values("jsonb through Value, other", kind(rowmap.JSONB), document{[]string{"x"}}, document{[]string{"y"}}, false),
	values("json is text", kind(rowmap.JSON), `{"a": 1}`, `{"a":1}`, false),

	values("bytes, nil and empty", kind(rowmap.Bytes), []byte(nil), []byte{}, false),
	values("bytes", kind(rowmap.Bytes), []byte{0, 1}, []byte{0, 1}, true),
	values("bytes, longer", kind(rowmap.Bytes), []byte{0, 1}, []byte{0, 1, 0}, false),
	values("char(5)", kind(rowmap.Char), "ab", "ab   ", true),
	values("char(5), in front", kind(rowmap.Char), "ab", " ab", false),
	values("text, trailing space", kind(rowmap.Text), "a", "a ", false),
	values("uuid", kind(rowmap.UUID), "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "{a0eebc999c0b4ef8bb6d6bb9bd380a11}", true),
	values("uuid, other", kind(rowmap.UUID), "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc999c0b4ef8bb6d6bb9bd380a12", false),

	values("NULL", kind(rowmap.Text), (*string)(nil), (*string)(nil), true),
	values("NULL is not empty", kind(rowmap.Text), nil, pointer(""), false),
	values("pointers to the same", kind(rowmap.Text), pointer("x"), pointer("x"), true),
	values("sql.NullString", kind(rowmap.Text), sql.NullString{String: "old"}, sql.NullString{}, true),
	values("sql.NullString, valid", kind(rowmap.Text), sql.NullString{Valid: true}, sql.NullString{}, false),
	values("sql.Null time", keeps(rowmap.Instant, 6, false), sql.Null[time.Time]{V: noon, Valid: true}, sql.Null[time.Time]{V: noon.In(riga), Valid: true}, true),
	values("Value ignores case", kind(rowmap.Text), level("High"), level("high"), true),
	values("Value, other", kind(rowmap.Text), level("High"), level("low"), false),
	values("Equal method", kind(rowmap.Numeric), money{big.NewInt(5)}, money{big.NewInt(5)}, true),
	values("Equal method, other", kind(rowmap.Numeric), money{big.NewInt(5)}, money{big.NewInt(6)}, false),
	values("big.Int", kind(rowmap.Numeric), *big.NewInt(5), *big.NewInt(5), true),
	values("netip", kind(rowmap.Unknown), netip.MustParseAddr("::1"), netip.MustParseAddr("::2"), false),
	values("array", kind(rowmap.Unknown), []string{"a", "b"}, []string{"a", "b"}, true),
	values("array, NULL and empty", kind(rowmap.Unknown), []string(nil), []string{}, false),
	values("array, order", kind(rowmap.Unknown), []string{"a", "b"}, []string{"b", "a"}, false),
	values("array with NULL", kind(rowmap.Unknown), []*int{nil, pointer(1)}, []*int{nil, pointer(1)}, true),
	values("map", kind(rowmap.Unknown), map[string]int{"a": 1}, map[string]int{"a": 1}, true),
	values("map, other", kind(rowmap.Unknown), map[string]int{"a": 1}, map[string]int{"a": 2}, false),
	values("any", kind(rowmap.Numeric), any("1.50"), any(1.5), true),
	values("bool", kind(rowmap.Bool), true, false, false),

	untyped("missing", kind(rowmap.Text), nil, nil, true),
	untyped("NULL is not empty", kind(rowmap.Text), nil, "", false),
	untyped("text as bytes", kind(rowmap.Text), []byte("x"), "x", true),
	untyped("int and int64", kind(rowmap.Int), 5, int64(5), true),
	untyped("int and uint8", kind(rowmap.Int), uint8(5), int64(5), true),
	untyped("int as text", kind(rowmap.Int), "5", int64(5), true),
	untyped("affinity", kind(rowmap.Numeric), "1.50", 1.5, true),
	untyped("truth", kind(rowmap.Bool), true, int64(1), true),
	untyped("truth, other", kind(rowmap.Bool), true, int64(0), false),
	untyped("a number is no truth", kind(rowmap.Int), true, int64(1), false),
	untyped("time", kind(rowmap.Instant), noon, noon.In(riga), true),
	untyped("time and text", kind(rowmap.Instant), noon, noon.String(), false),
	untyped("float and int", kind(rowmap.Float64), 2.0, 2, true),
	untyped("NaN", kind(rowmap.Float64), math.NaN(), math.NaN(), true),
	untyped("list", kind(rowmap.Unknown), []any{1}, []any{1}, true),
	untyped("pointer", kind(rowmap.Text), pointer("x"), "x", true),
}

func TestEqual(t *testing.T) {
	t.Parallel()
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			if same := p.test(t); same != p.same {
				t.Errorf("same is %v, want %v", same, p.same)
			}
		})
	}
}

// TestDecimal holds the comparison of decimal texts against exact arithmetic.
func TestDecimal(t *testing.T) {
	t.Parallel()
	type row struct {
		V string `db:"v"`
	}
	exact := columnPlan[row](t, kind(rowmap.Numeric))
	cents := columnPlan[row](t, scale(2))
	number := rapid.StringMatching(`-?[0-9]{1,3}(\.[0-9]{1,4})?(e-?[0-4])?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		x, okX := new(big.Rat).SetString(a)
		y, okY := new(big.Rat).SetString(b)
		if !okX || !okY {
			t.Fatal("no numbers")
		}
		if d := exact.Diff(&row{a}, &row{b}); d.Empty() != (x.Cmp(y) == 0) {
			t.Fatalf("%s and %s: same is %v", a, b, d.Empty())
		}
		// FloatString rounds half away from zero, too.
		rounded := strings.TrimPrefix(x.FloatString(2), "-0.00") == strings.TrimPrefix(y.FloatString(2), "-0.00") ||
			x.FloatString(2) == "-0.00" && y.FloatString(2) == "0.00" || x.FloatString(2) == "0.00" && y.FloatString(2) == "-0.00"
		if d := cents.Diff(&row{a}, &row{b}); d.Empty() != rounded {
			t.Fatalf("%s and %s in cents: same is %v", a, b, d.Empty())
		}
	})
}

// TestEqualAllocatesNothing covers the types that fields usually have.
func TestEqualAllocatesNothing(t *testing.T) {
	p := planFor[wide](t)
	a := wideRow()
	b := p.Clone(&a)
	if n := testing.AllocsPerRun(100, func() { _ = p.Diff(&a, b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if d := p.Diff(&a, b); !d.Empty() {
		t.Errorf("a clone differs in %v", p.Names(d))
	}
	if bytes.Equal(a.Body, nil) {
		t.Error("the row is empty")
	}
}
