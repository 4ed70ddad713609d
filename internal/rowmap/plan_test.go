package rowmap_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vantage-go/live/internal/rowmap"
)

// Address is embedded, so that its fields are columns of their own.
type Address struct {
	Street string   `db:"street"`
	Lines  []string `db:"lines"`
}

type stamped struct {
	Version int64 `db:"version,version"`
}

type bakery struct {
	ID int64 `db:"id,pk"`
	*Address
	stamped
	Slug   string `db:"slug,readonly"`
	Stock  int    `db:"stock,merge=sum"`
	City   string `db:"city,merge=group:place"`
	Zip    string `db:"zip,merge=group:place"`
	Secret string `db:"-"`
	Plain  bool
}

func TestPlan(t *testing.T) {
	t.Parallel()
	p := planFor[bakery](t)
	var names []string
	for _, f := range p.Fields() {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	if want := "city id lines plain slug stock street version zip"; strings.Join(names, " ") != want {
		t.Errorf("columns are %v, want %s", names, want)
	}
	writable := p.Names(p.Writable())
	for _, name := range []string{"slug", "version"} {
		if slices.Contains(writable, name) {
			t.Errorf("%s is writable", name)
		}
	}
	if got := p.Names(p.Key()); !slices.Equal(got, []string{"id"}) {
		t.Errorf("key is %v", got)
	}
	if i, ok := p.Version(); !ok || p.Fields()[i].Name != "version" {
		t.Error("no version")
	}
	if units := p.Units(); len(units) != 1 || !slices.Equal(p.Names(units[0]), []string{"city", "zip"}) {
		t.Error("no group")
	}
	if i, ok := p.Index("Stock"); !ok || p.Fields()[i].Merge != rowmap.MergeSum {
		t.Error("no way to merge")
	}
	if again := planFor[bakery](t); again != p {
		t.Error("the plan is made twice")
	}
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	type (
		unknown struct {
			A int `db:"a,primary"`
		}
		merges struct {
			A int `db:"a,merge=best"`
		}
		twice struct {
			A int `db:"a,version"`
			B int `db:"b,version"`
		}
	)
	refused[unknown](t, "unknown option")
	refused[merges](t, "unknown way to merge")
	refused[twice](t, "two version columns")
	refused[int](t, "must be a struct")
	refused[struct{}](t, "0 mapped columns")
	if _, err := planFor[bakery](t).Bind([]rowmap.Column{{Name: "id"}}); err == nil {
		t.Error("a field without a column")
	}
}

func refused[T any](t *testing.T, want string) {
	t.Helper()
	if _, err := rowmap.For[T](); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v: %v, want %s", reflect.TypeFor[T](), err, want)
	}
}

func TestBindFindsTheKey(t *testing.T) {
	t.Parallel()
	type row struct{ A, B int }
	p, err := planFor[row](t).Bind([]rowmap.Column{{Name: "A", Key: true}, {Name: "b"}, {Name: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Names(p.Key()); !slices.Equal(got, []string{"A"}) {
		t.Errorf("key is %v", got)
	}
}

// TestEmbeddedPointer goes through structs that may not be there.
func TestEmbeddedPointer(t *testing.T) {
	t.Parallel()
	p := planFor[bakery](t)
	street, _ := p.Index("street")
	without, with := bakery{}, bakery{Address: &Address{Street: "Brivibas"}}
	d := p.Diff(&without, &with)
	if got := p.Names(d); !slices.Equal(got, []string{"lines", "street"}) && !slices.Equal(got, []string{"street", "lines"}) {
		t.Errorf("differ in %v", got)
	}
	if v := p.Value(&without, street); v != nil {
		t.Errorf("value behind nil is %v", v)
	}
	copied := p.Clone(&with).(*bakery)
	with.Street = "Terbatas"
	if copied.Street != "Brivibas" {
		t.Error("the clone shares the embedded struct")
	}
	p.Copy(&without, copied, street)
	if without.Address == nil || without.Address == copied.Address || without.Street != "Brivibas" {
		t.Errorf("copied %+v", without.Address)
	}
	p.Copy(&without, &bakery{}, street)
	if without.Street != "" {
		t.Error("a missing value was not copied")
	}
}

// nested has all that an assignment would share.
type nested struct {
	Bytes   []byte            `db:"bytes"`
	Lists   [][]string        `db:"lists"`
	Named   map[string][]int  `db:"named"`
	Pointer **int             `db:"pointer"`
	Any     any               `db:"any"`
	Array   [2][]byte         `db:"array"`
	Inner   struct{ A []int } `db:"inner"`
}

// TestCloneSharesNothing writes to everything that the original refers to.
func TestCloneSharesNothing(t *testing.T) {
	t.Parallel()
	n := pointer(1)
	row := nested{
		Bytes: []byte{1}, Lists: [][]string{{"a"}}, Named: map[string][]int{"a": {1}}, Pointer: &n,
		Any: []any{map[string]any{"a": 1}}, Array: [2][]byte{{1}, {2}},
	}
	row.Inner.A = []int{1}
	p := planFor[nested](t)
	clone := p.Clone(&row)
	before := p.Clone(clone)
	row.Bytes[0], row.Lists[0][0], row.Named["a"][0], **row.Pointer = 2, "b", 2, 2
	row.Any.([]any)[0].(map[string]any)["a"] = 2
	row.Array[0][0], row.Inner.A[0] = 2, 2
	if d := p.Diff(clone, before); !d.Empty() {
		t.Errorf("the clone changed in %v", p.Names(d))
	}
	if d, all := p.Diff(clone, &row), len(p.Fields()); d.Len() != all {
		t.Errorf("differ in %v, want all", p.Names(d))
	}
}

func TestSetValue(t *testing.T) {
	t.Parallel()
	type row struct {
		A int32   `db:"a"`
		B *string `db:"b"`
		C level   `db:"c"`
	}
	p := planFor[row](t)
	var r row
	for i, v := range []any{int64(5), "x", "high"} {
		if err := p.SetValue(&r, i, v); err != nil {
			t.Error(err)
		}
	}
	if r.A != 5 || r.B == nil || *r.B != "x" || r.C != "high" {
		t.Errorf("row is %+v", r)
	}
	if err := p.SetValue(&r, 1, nil); err != nil || r.B != nil {
		t.Errorf("nil: %v", err)
	}
	for _, v := range []any{int64(1) << 40, "5", 1.5} {
		if err := p.SetValue(&r, 0, v); err == nil {
			t.Errorf("an int32 took %v", v)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	type key struct {
		Shop int64
		Name string `db:"product"`
	}
	type row struct {
		Shop    int64  `db:"shop,pk"`
		Product string `db:"product,pk"`
		N       int    `db:"n"`
	}
	p := planFor[row](t)
	if err := p.KeyType(reflect.TypeFor[key]()); err != nil {
		t.Error(err)
	}
	if err := p.KeyType(reflect.TypeFor[int64]()); err == nil {
		t.Error("an integer is a key of two columns")
	}
	k, err := p.KeyOf(&row{Shop: 1, Product: "bun"}, reflect.TypeFor[key]())
	if err != nil || k != (key{1, "bun"}) {
		t.Errorf("key is %v, %v", k, err)
	}
	parts, err := p.SplitKey(k)
	if err != nil || !slices.Equal(parts, []any{int64(1), "bun"}) {
		t.Errorf("parts are %v, %v", parts, err)
	}
}

// TestCompareKeysIsAnOrder checks what sorting needs.
func TestCompareKeysIsAnOrder(t *testing.T) {
	t.Parallel()
	part := rapid.OneOf(rapid.Int64().AsAny(), rapid.String().AsAny(), rapid.Uint64().AsAny(), rapid.Just[any](nil),
		rapid.Custom(func(t *rapid.T) any { return [2]byte{rapid.Byte().Draw(t, "x"), rapid.Byte().Draw(t, "y")} }))
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := []any{part.Draw(t, "a")}, []any{part.Draw(t, "b")}, []any{part.Draw(t, "c")}
		if rowmap.CompareKeys(a, b) != -rowmap.CompareKeys(b, a) {
			t.Fatal("not antisymmetric")
		}
		if rowmap.CompareKeys(a, b) <= 0 && rowmap.CompareKeys(b, c) <= 0 && rowmap.CompareKeys(a, c) > 0 {
			t.Fatal("not transitive")
		}
	})
}

func TestBits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// Most tables have few columns.
		columns := rapid.OneOf(rapid.IntRange(0, 63), rapid.IntRange(0, 70), rapid.IntRange(0, rowmap.MaxColumns-1))
		type set struct {
			bits rowmap.Bits
			want map[int]bool
		}
		draw := func(name string) set {
			s := set{want: make(map[int]bool)}
			for _, i := range rapid.SliceOf(columns).Draw(t, name) {
				if s.want[i] && rapid.Bool().Draw(t, "clear") {
					s.bits.Clear(i)
					delete(s.want, i)
					continue
				}
				s.bits.Set(i)
				s.want[i] = true
			}
			return s
		}
		check := func(what string, got rowmap.Bits, has func(i int) bool) {
			var want []int
			var again rowmap.Bits
			for i := range rowmap.MaxColumns {
				if got.Has(i) != has(i) {
					t.Fatalf("%s: Has(%d) = %v", what, i, got.Has(i))
				}
				if has(i) {
					want = append(want, i)
					again.Set(i)
				}
			}
			if all := slices.Collect(got.All()); !slices.Equal(all, want) || got.Len() != len(want) || got.Empty() != (len(want) == 0) {
				t.Fatalf("%s: %v of %d, want %v", what, all, got.Len(), want)
			}
			if got != again {
				t.Fatalf("%s: equal sets differ", what)
			}
		}
		x, y := draw("x"), draw("y")
		check("x", x.bits, func(i int) bool { return x.want[i] })
		check("or", x.bits.Or(y.bits), func(i int) bool { return x.want[i] || y.want[i] })
		check("and", x.bits.And(y.bits), func(i int) bool { return x.want[i] && y.want[i] })
		check("without", x.bits.Without(y.bits), func(i int) bool { return x.want[i] && !y.want[i] })
	})
}

// TestKeyed: a key names one row if all of the primary key is in it.
func TestKeyed(t *testing.T) {
	t.Parallel()
	type half struct {
		A int64 `db:"a,pk"`
		N int   `db:"n"`
	}
	type both struct {
		A int64 `db:"a,pk"`
		B int64 `db:"B,pk"`
		N int   `db:"n"`
	}
	columns := func(keys ...string) []rowmap.Column {
		var all []rowmap.Column
		for _, name := range []string{"a", "b", "n"} {
			all = append(all, rowmap.Column{Name: name, Kind: rowmap.Int, Key: slices.Contains(keys, name)})
		}
		return all
	}
	bound := func(p *rowmap.Plan, keys ...string) bool {
		t.Helper()
		b, err := p.Bind(columns(keys...))
		if err != nil {
			t.Fatal(err)
		}
		return b.Keyed()
	}
	for i, got := range []bool{
		bound(planFor[both](t), "a", "b"), bound(planFor[both](t), "a"), bound(planFor[half](t), "a"),
		!planFor[both](t).Keyed(), !bound(planFor[both](t)), !bound(planFor[half](t), "a", "b"), !bound(planFor[half](t), "n"),
	} {
		if !got {
			t.Errorf("case %d", i)
		}
	}
	for keys, want := range map[string]bool{"a": true, "": false} {
		p, err := rowmap.Untyped(columns(keys), map[string]rowmap.Options{"n": {Key: true}})
		if err != nil || p.Keyed() != want {
			t.Errorf("untyped, key %q: %t, %v", keys, p.Keyed(), err)
		}
	}
}
