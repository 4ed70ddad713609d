package table

import (
	"context"
	"errors"
	"testing"

	"github.com/vantage-go/live/dialects"
)

// newMesh returns a mesh of a table with the key id and the columns a and b, and
// a query on it, which was run and has rows with these keys.
func newMesh(t *testing.T, text string, holding ...string) (*mesh, *member) {
	t.Helper()
	s := &sieve{}
	s.mesh.init()
	s.mesh.redefine(&ground{
		kinds: map[string]dialects.ColumnKind{
			"id": {Kind: dialects.IntKey, Ordered: true}, "a": {Kind: dialects.IntKey, Ordered: true}, "b": {Kind: dialects.TextKey},
		},
		key: []string{"id"},
	})
	one := joined(t, s, text)
	s.mesh.begins(one)
	s.mesh.loaded(one, &holds{ground: s.mesh.ground, texts: holding, known: true})
	return &s.mesh, one
}

func joined(t *testing.T, s *sieve, text string) *member {
	t.Helper()
	listing, ok := dialects.ListingOf(dialects.Postgres, text)
	if !ok {
		t.Fatalf("%s is no listing", text)
	}
	one := &member{sieve: s, listing: listing, ready: make(chan struct{}, 1)}
	s.mesh.join(one)
	return one
}

// told returns what a query was told, if anything.
func (m *member) told(t *testing.T) (news News[string], ok bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for { // the channel may be ready before the context is looked at
		news, err := m.Next(ctx)
		if err == nil {
			return news, true
		}
		if errors.Is(err, context.Canceled) {
			return news, false
		}
		t.Fatal(err)
	}
}

func rowsOfKey(id int64, row *values) map[told]*sifted {
	if row == nil {
		return map[told]*sifted{{id}: nil}
	}
	return map[told]*sifted{{id}: {values: *row}}
}

// TestMeshFinds: a row concerns those queries that have it, or whose conditions
// it may meet.
func TestMeshFinds(t *testing.T) {
	t.Parallel()
	const text = "SELECT id FROM t WHERE a = 1 AND b = 'x'"
	for name, test := range map[string]struct {
		query string
		id    int64
		row   *values
		want  bool
	}{
		"it is in the result":          {text, 7, nil, true},
		"it is not, and gone":          {text, 8, nil, false},
		"it meets the conditions":      {text, 8, &values{"a": int64(1), "b": "x"}, true},
		"as bytes":                     {text, 8, &values{"a": []byte("1"), "b": []byte("x")}, true},
		"one of them it does not meet": {text, 8, &values{"a": int64(1), "b": "y"}, false},
		"NULL is equal to nothing":     {text, 8, &values{"a": nil, "b": "x"}, false},
		"a value that is not known":    {text, 8, &values{"a": 1.0, "b": "x"}, true},
		"a column that was not read":   {text, 8, &values{"a": int64(1)}, true},
		"one of several":               {"SELECT id FROM t WHERE a IN (3, 4, 4)", 8, &values{"a": int64(4)}, true},
		"none of several":              {"SELECT id FROM t WHERE a IN (3, 4, 4)", 8, &values{"a": int64(5)}, false},
		"another column":               {"SELECT id FROM t WHERE c = 3", 8, &values{"a": int64(5)}, true},
		"another type":                 {"SELECT id FROM t WHERE a = 'x'", 8, &values{"a": int64(5)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, one := newMesh(t, test.query, "7", "9")
			m.sift(m.opened, rowsOfKey(test.id, test.row), false, 5)
			news, told := one.told(t)
			if told != test.want || told && (!news.Whole || news.Position != 5) {
				t.Errorf("%+v, %v; want %v", news, told, test.want)
			}
		})
	}
}

// TestMeshWhileAQueryRuns: what is sifted then concerns it if it turns out to
// have the row, and until then it is told nothing.
func TestMeshWhileAQueryRuns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		holds holds
		same  bool // ground
		want  bool
	}{
		"has it":     {holds{texts: []string{"8"}, known: true}, true, true},
		"has it not": {holds{texts: []string{"9"}, known: true}, true, false},
		"unknown":    {holds{}, true, true},
		"other key":  {holds{ground: &ground{key: []string{"no"}}, texts: []string{"9"}, known: true}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, one := newMesh(t, "SELECT id FROM t WHERE a = 1")
			m.begins(one)
			m.ask(one, 5)
			m.sift(m.opened, rowsOfKey(8, &values{"a": int64(2)}), false, 5)
			if news, told := one.told(t); told {
				t.Fatalf("told while it runs: %+v", news)
			}
			if test.same {
				test.holds.ground = m.ground
			}
			m.loaded(one, &test.holds)
			if news, told := one.told(t); !told || news.Position != 5 || news.Whole != test.want {
				t.Errorf("%+v, %v; want %v", news, told, test.want)
			}
		})
	}
}

// TestMeshPositions: a query is told the position for which it waits, not one
// before it.
func TestMeshPositions(t *testing.T) {
	t.Parallel()
	m, one := newMesh(t, "SELECT id FROM t WHERE a = 1")
	m.ask(one, 5)
	m.sift(m.opened, nil, false, 4)
	if news, told := one.told(t); told {
		t.Fatalf("told before: %+v", news)
	}
	m.sift(m.opened, nil, false, 6)
	if news, told := one.told(t); !told || news.Position != 6 || news.Whole {
		t.Fatalf("%+v, %v", news, told)
	}
	m.ask(one, 6)
	if news, told := one.told(t); !told || news.Position != 6 {
		t.Fatalf("%+v, %v", news, told)
	}
}

// TestMeshForgets: nothing is left of queries that are gone.
func TestMeshForgets(t *testing.T) {
	t.Parallel()
	m, one := newMesh(t, "SELECT id FROM t WHERE a IN (1, 2)", "7", "8")
	two := joined(t, one.sieve, "SELECT id FROM t WHERE a = 1")
	m.begins(two)
	m.ask(two, 9)
	m.redefine(&ground{kinds: m.ground.kinds, key: []string{"a"}})
	if !m.isWild(one) || len(m.holders) > 0 {
		t.Error("a result counts whose key is another one")
	}
	m.leave(one)
	m.leave(two)
	m.loaded(two, &holds{ground: m.ground, texts: []string{"1"}, known: true})
	if n := len(m.members) + len(m.paths.shapes) + len(m.holders) + len(m.wild) + len(m.asking) + len(m.loading) + len(m.looks); n > 0 {
		t.Errorf("%d things are left: %+v", n, m)
	}
}

// TestTell: a key that could look otherwise in a result is none.
func TestTell(t *testing.T) {
	t.Parallel()
	for text, key := range map[string]any{
		"7": int64(7), "a": "A ", "7\x00b": []any{uint64(7), "b"},
		"0192f0c1-0000-7000-8000-00000000000a": "0192F0C1-0000-7000-8000-00000000000A",
	} {
		if k, err := tell(key); err != nil || k.text() != text {
			t.Errorf("%v: %q, %v", key, k.text(), err)
		}
	}
	for _, key := range []any{"ä", []byte("a"), 1.5, true, nil, []any{1, 2, 3, 4, 5}} {
		if k, err := tell(key); err == nil {
			t.Errorf("%v is the key %q", key, k.text())
		}
	}
}

// TestKeyOfOtherColumns: a key that is not that of the table, as far as the account
// is shown it, may be that of any row.
func TestKeyOfOtherColumns(t *testing.T) {
	t.Parallel()
	r := &siftReading{key: []string{"b"}}
	if err := r.Read(t.Context(), []told{{int64(1), int64(2)}}, nil); !errors.Is(err, errAny) {
		t.Errorf("it is read: %v", err)
	}
}

// TestHolds: the keys of a result are known only where its columns are those of
// the table.
func TestHolds(t *testing.T) {
	t.Parallel()
	l, _ := dialects.ListingOf(dialects.Postgres, "SELECT id, a AS b FROM t WHERE a = 1")
	for name, test := range map[string]struct {
		key   []string
		names []string
		want  bool
	}{
		"shown":           {[]string{"id"}, []string{"id", "b"}, true},
		"twice":           {[]string{"id"}, []string{"id", "ID"}, false},
		"under a name":    {[]string{"b"}, []string{"id", "b"}, false},
		"not there":       {[]string{"id", "no"}, []string{"id", "b"}, false},
		"no key is known": {nil, []string{"id", "b"}, false},
	} {
		h := &holds{ground: &ground{key: test.key}}
		h.find(l, test.names, make([][]int, len(test.names)))
		if h.known != test.want {
			t.Errorf("%s: %v", name, h.known)
		}
	}
}
