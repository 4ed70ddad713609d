package conformstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/vantage-go/live/table"
)

// Fixture is a place for rows.
type Fixture struct {
	// Open opens a store there, as another run of the program, or another
	// process, does. The store is closed when the test ends.
	Open func(tb testing.TB) table.RowStore
	// Leave, if not nil, ends what Open has opened so far, so that the place is
	// free for another process.
	Leave func()
	// Alone tells that only one process can have the place: Open is only called
	// behind Leave.
	Alone bool
	// Expire, if not nil, makes whoever writes there count as gone.
	Expire func(tb testing.TB)
}

// Patience bounds each check.
const Patience = time.Minute

// Run runs the suite.
func Run(t *testing.T, place func(tb testing.TB) *Fixture) {
	t.Helper()
	for _, c := range Checks() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Run(t, place(t))
		})
	}
}

// Check is one promise.
type Check struct {
	Name string
	run  func(x *exam)
}

// Checks are all checks.
func Checks() []Check {
	return []Check{
		{"nothing is kept", checkNothing},
		{"replace", checkReplace},
		{"update", checkUpdate},
		{"names are apart", checkNames},
		{"large", checkLarge},
		{"bytes of any kind", checkBytes},
		{"a replacement that fails", checkTorn},
		{"a load that fails", checkLoadFails},
		{"a run after the other", checkAgain},
		{"two writers", checkTwoWriters},
		{"live table", checkTable},
	}
}

// exam is one check under way.
type exam struct {
	testing.TB
	*Fixture
	ctx context.Context //nolint:containedctx // that of the check
}

// Run runs the check.
func (c Check) Run(tb testing.TB, f *Fixture) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	c.run(&exam{TB: tb, Fixture: f, ctx: ctx})
}

// errEnough ends rows, and loads.
var errEnough = errors.New("conformstore: enough")

func (x *exam) shelf(store table.RowStore, name string) table.Shelf {
	x.Helper()
	s, err := store.Open(x.ctx, name)
	if err != nil {
		x.Fatalf("Open: %v", err)
	}
	return s
}

// seq yields rows, and then an error if there is one.
func seq(kept map[string]string, err error) iter.Seq2[table.StoredRow, error] {
	return func(yield func(table.StoredRow, error) bool) {
		for k, v := range kept {
			if !yield(table.StoredRow{Key: []byte(k), Row: []byte(v)}, nil) {
				return
			}
		}
		if err != nil {
			yield(table.StoredRow{}, err)
		}
	}
}

func (x *exam) replace(s table.Shelf, mark string, kept map[string]string) {
	x.Helper()
	if err := s.Replace(x.ctx, []byte(mark), seq(kept, nil)); err != nil {
		x.Errorf("Replace: %v", err)
	}
}

func (x *exam) update(s table.Shelf, mark string, put map[string]string, gone ...string) {
	x.Helper()
	var changed []table.StoredRow
	for k, v := range put {
		changed = append(changed, table.StoredRow{Key: []byte(k), Row: []byte(v)})
	}
	for _, k := range gone {
		changed = append(changed, table.StoredRow{Key: []byte(k)})
	}
	if err := s.Update(x.ctx, []byte(mark), changed); err != nil {
		x.Errorf("Update: %v", err)
	}
}

// expect compares what is kept.
func (x *exam) expect(s table.Shelf, mark string, want map[string]string) {
	x.Helper()
	got := map[string]string{}
	m, err := s.Load(x.ctx, func(k, row []byte) error {
		got[string(k)] = string(row)
		return nil
	})
	switch {
	case err != nil:
		x.Errorf("Load: %v", err)
	case string(m) != mark || (m == nil) != (mark == ""):
		x.Errorf("the mark is %q, want %q", m, mark)
	case mark != "" && !maps.Equal(got, want):
		x.Errorf("kept are %d rows, want %d; the first keys are %q", len(got), len(want), slices.Sorted(maps.Keys(got))[:min(3, len(got))])
	}
}

func (x *exam) close(s table.Shelf) {
	x.Helper()
	if err := s.Close(); err != nil {
		x.Errorf("Close: %v", err)
	}
}

// leave ends this run of the program.
func (x *exam) leave() {
	if x.Leave != nil {
		x.Leave()
	}
}

func checkNothing(x *exam) {
	s := x.shelf(x.Open(x), "items")
	defer x.close(s)
	x.expect(s, "", nil)
	if err := s.Update(x.ctx, []byte("m"), nil); !errors.Is(err, table.ErrTaken) && err != nil {
		x.Errorf("Update of nothing: %v", err)
	}
}

func checkReplace(x *exam) {
	s := x.shelf(x.Open(x), "items")
	defer x.close(s)
	x.replace(s, "1", map[string]string{"a": "1", "b": "2"})
	x.expect(s, "1", map[string]string{"a": "1", "b": "2"})
	x.replace(s, "2", map[string]string{"b": "3", "c": "4"})
	x.expect(s, "2", map[string]string{"b": "3", "c": "4"})
	x.replace(s, "3", nil)
	x.expect(s, "3", map[string]string{})
}

func checkUpdate(x *exam) {
	s := x.shelf(x.Open(x), "items")
	defer x.close(s)
	x.replace(s, "1", map[string]string{"a": "1", "b": "2"})
	x.update(s, "2", map[string]string{"b": "3", "c": "4"}, "a", "never there")
	x.expect(s, "2", map[string]string{"b": "3", "c": "4"})
	x.update(s, "3", nil)
	x.expect(s, "3", map[string]string{"b": "3", "c": "4"})
	x.update(s, "4", nil, "b", "c")
	x.expect(s, "4", map[string]string{})
	x.update(s, "5", map[string]string{"d": "5"})
	x.expect(s, "5", map[string]string{"d": "5"})
}

func checkNames(x *exam) {
	store := x.Open(x)
	a, b := x.shelf(store, "client"), x.shelf(store, "clients")
	defer x.close(a)
	defer x.close(b)
	x.replace(a, "1", map[string]string{"a": "1"})
	x.expect(b, "", nil)
	x.replace(b, "2", map[string]string{"a": "2"})
	x.replace(a, "3", nil)
	x.expect(a, "3", map[string]string{})
	x.expect(b, "2", map[string]string{"a": "2"})
}

func checkLarge(x *exam) {
	s := x.shelf(x.Open(x), "items")
	defer x.close(s)
	many := make(map[string]string)
	for i := range 25_000 {
		many[fmt.Sprintf("key %06d", i)] = fmt.Sprintf("row %d", i)
	}
	x.replace(s, "1", many)
	x.expect(s, "1", many)
	put := map[string]string{}
	for i := range 12_000 {
		put[fmt.Sprintf("key %06d", i+20_000)] = "new"
	}
	x.update(s, "2", put, "key 000000")
	maps.Copy(many, put)
	delete(many, "key 000000")
	x.expect(s, "2", many)
}

func checkBytes(x *exam) {
	s := x.shelf(x.Open(x), `a "name": with/signs {} * ü`)
	defer x.close(s)
	want := map[string]string{"\x00": "\x00\xff", "\xff\xfe": "", "ü\r\n$": "\r\n", " ": string(make([]byte, 1<<16))}
	x.replace(s, "\x00\xff", want)
	x.expect(s, "\x00\xff", want)
	x.update(s, "\r\n", map[string]string{"\x00": "\n"}, "\xff\xfe")
	delete(want, "\xff\xfe")
	want["\x00"] = "\n"
	x.expect(s, "\r\n", want)
}

// checkTorn: what fails, is cancelled or panics in the middle leaves what was.
func checkTorn(x *exam) {
	s := x.shelf(x.Open(x), "items")
	defer x.close(s)
	many := make(map[string]string)
	for i := range 15_000 {
		many[fmt.Sprintf("new %d", i)] = "x"
	}
	if err := s.Replace(x.ctx, []byte("0"), seq(many, errEnough)); !errors.Is(err, errEnough) {
		x.Errorf("Replace: %v", err)
	}
	x.expect(s, "", nil)
	kept := map[string]string{"a": "1", "b": "2"}
	x.replace(s, "1", kept)
	if err := s.Replace(x.ctx, []byte("2"), seq(many, errEnough)); !errors.Is(err, errEnough) {
		x.Errorf("Replace: %v", err)
	}
	x.expect(s, "1", kept)
	ctx, cancel := context.WithCancel(x.ctx)
	rows := func(yield func(table.StoredRow, error) bool) {
		for r, err := range seq(many, nil) {
			if !yield(r, err) {
				return
			}
			cancel()
		}
	}
	if err := s.Replace(ctx, []byte("3"), rows); err == nil {
		x.Error("Replace succeeds although its context has ended")
	}
	x.expect(s, "1", kept)
	x.replace(s, "4", map[string]string{"c": "3"})
	x.expect(s, "4", map[string]string{"c": "3"})
}

func checkLoadFails(x *exam) {
	s := x.shelf(x.Open(x), "items")
	defer x.close(s)
	x.replace(s, "1", map[string]string{"a": "1", "b": "2"})
	if _, err := s.Load(x.ctx, func([]byte, []byte) error { return errEnough }); !errors.Is(err, errEnough) {
		x.Errorf("Load: %v", err)
	}
	x.expect(s, "1", map[string]string{"a": "1", "b": "2"})
	x.update(s, "2", map[string]string{"c": "3"})
}

// checkAgain: the next run finds what was kept, and goes on.
func checkAgain(x *exam) {
	s := x.shelf(x.Open(x), "items")
	x.replace(s, "1", map[string]string{"a": "1"})
	x.update(s, "2", map[string]string{"b": "2"})
	x.close(s)
	x.leave()
	s = x.shelf(x.Open(x), "items")
	defer x.close(s)
	x.expect(s, "2", map[string]string{"a": "1", "b": "2"})
	x.replace(s, "3", map[string]string{"c": "3"})
	x.update(s, "4", map[string]string{"d": "4"})
	x.expect(s, "4", map[string]string{"c": "3", "d": "4"})
}

// checkTwoWriters: of two processes one writes; the other one reads what it
// writes, if it can read at all, until the first has closed its shelf or is gone.
func checkTwoWriters(x *exam) {
	if x.Alone {
		return // that the second is refused is a test of the store's own
	}
	a := x.shelf(x.Open(x), "items")
	b := x.shelf(x.Open(x), "items")
	x.replace(a, "1", map[string]string{"a": "1"})
	x.expect(b, "1", map[string]string{"a": "1"})
	for range 2 {
		if err := b.Replace(x.ctx, []byte("b"), seq(map[string]string{"b": "2"}, nil)); !errors.Is(err, table.ErrTaken) {
			x.Errorf("the second Replace: %v", err)
		}
		if err := b.Update(x.ctx, []byte("b"), nil); !errors.Is(err, table.ErrTaken) {
			x.Errorf("the second Update: %v", err)
		}
		x.update(a, "2", map[string]string{"a": "2"})
		x.expect(b, "2", map[string]string{"a": "2"})
	}
	if x.Expire != nil { // the first one seems to be gone, and comes back
		x.Expire(x)
		x.replace(b, "3", map[string]string{"b": "3"})
		if err := a.Update(x.ctx, []byte("a"), []table.StoredRow{{Key: []byte("a"), Row: []byte("4")}}); !errors.Is(err, table.ErrTaken) {
			x.Errorf("Update of one who was thought to be gone: %v", err)
		}
		if err := a.Replace(x.ctx, []byte("a"), seq(nil, nil)); !errors.Is(err, table.ErrTaken) {
			x.Errorf("Replace of one who was thought to be gone: %v", err)
		}
		x.expect(a, "3", map[string]string{"b": "3"})
		a, b = b, a
	}
	x.close(a)
	x.replace(b, "5", map[string]string{"b": "5"})
	x.update(b, "6", map[string]string{"b": "6"})
	x.expect(b, "6", map[string]string{"b": "6"})
	x.close(b)
}
