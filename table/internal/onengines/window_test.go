package onengines_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/table"
)

// shown is a row of windows.
type shown struct {
	ID     int64         `db:"id"`
	Grp    int64         `db:"grp"`
	Name   string        `db:"name"`
	Note   *string       `db:"note"`
	Amount sql.NullInt64 `db:"amount"`
}

func (s shown) String() string {
	note, amount := "NULL", "NULL"
	if s.Note != nil {
		note = *s.Note
	}
	if s.Amount.Valid {
		amount = fmt.Sprint(s.Amount.Int64)
	}
	return fmt.Sprintf("{%d %d %q %q %s}", s.ID, s.Grp, s.Name, note, amount)
}

// shownTable has indexes for some orders, and columns that can be NULL.
func shownTable(name string) string {
	return "CREATE TABLE " + name + " (id BIGINT NOT NULL PRIMARY KEY, grp BIGINT NOT NULL, name VARCHAR(40) NOT NULL, note VARCHAR(40), amount BIGINT)"
}

// window opens a window for as long as the test runs.
func window[K comparable, T any](t *testing.T, r *rig, name string, opts ...table.Option) *table.Window[K, T] {
	t.Helper()
	w, err := table.OpenWindow[K, T](soon(t), r.db, name, append(opts, table.Debounce(0))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// compareBy compares rows as OrderBy is documented: texts by their bytes, NULL
// last in either direction, and then by the key.
func compareBy(order []string) func(a, b shown) int {
	return func(a, b shown) int {
		for _, one := range order {
			column, direction, _ := strings.Cut(one, " ")
			var c int
			nullA, nullB := false, false
			switch column {
			case "id":
				c = cmp.Compare(a.ID, b.ID)
			case "grp":
				c = cmp.Compare(a.Grp, b.Grp)
			case "name":
				c = strings.Compare(a.Name, b.Name)
			case "note":
				if nullA, nullB = a.Note == nil, b.Note == nil; !nullA && !nullB {
					c = strings.Compare(*a.Note, *b.Note)
				}
			case "amount":
				nullA, nullB = !a.Amount.Valid, !b.Amount.Valid
				c = cmp.Compare(a.Amount.Int64, b.Amount.Int64)
			}
			switch {
			case nullA != nullB && nullA:
				return 1
			case nullA != nullB:
				return -1
			case nullA:
				c = 0
			case direction == "DESC":
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return cmp.Compare(a.ID, b.ID)
	}
}

// windowCase is a window, and what it shows.
type windowCase struct {
	name    string
	opts    []table.Option
	order   []string
	within  func(s shown) bool
	counted table.TotalKind
}

func windowCases() []windowCase {
	all := []windowCase{
		{name: "by key"},
		{name: "a part of it", order: []string{"grp"}, opts: []table.Option{table.Where("grp <> ? OR amount > ?", 1, 3)}, within: func(s shown) bool {
			return s.Grp != 1 || s.Amount.Valid && s.Amount.Int64 > 3
		}},
		{name: "descending", order: []string{"grp DESC", "id DESC"}},
		{name: "mixed", order: []string{"grp", "name DESC"}},
		{name: "texts", order: []string{"name"}},
		{name: "NULL", order: []string{"amount", "note DESC"}},
		{name: "NULL descending", order: []string{"note", "amount DESC"}},
		{name: "not counted", order: []string{"grp", "id"}, opts: []table.Option{table.Totals(table.TotalAtLeast)}, counted: table.TotalAtLeast},
		{name: "estimated", opts: []table.Option{table.Totals(table.TotalEstimate)}, counted: table.TotalEstimate},
	}
	for i := range all {
		c := &all[i]
		c.opts = append(c.opts, table.PageSize(3), table.KeepRows(9+i), table.OrderBy(c.order...))
		if c.within == nil {
			c.within = func(shown) bool { return true }
		}
	}
	return all
}

// TestWindows: whatever changes, and wherever the viewport goes, what is visible is
// in the end what a fresh read has at these positions.
func TestWindows(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, shownTable("shown"), "CREATE INDEX shown_grp ON shown (grp, id)")
		seed := rand.Uint64()
		t.Logf("the seed is %d", seed)
		random := rand.New(rand.NewPCG(seed, 1))
		r.exec(t, insertShown(random, 1, 40))
		cases := windowCases()
		windows := make([]*table.Window[int64, shown], len(cases))
		for i, c := range cases {
			windows[i] = window[int64, shown](t, r, "shown", c.opts...)
		}
		for range 25 {
			for range random.IntN(4) {
				r.exec(t, changeShown(random, e))
			}
			all := r.shown(t, "shown")
			for range 2 { // the second time, nothing has changed
				for i, c := range cases {
					from := random.IntN(len(all) + 5)
					windows[i].SetViewport(from, from+random.IntN(7))
					checkPane(t, c, windows[i], all)
				}
			}
			if t.Failed() {
				return
			}
		}
	})
}

// insertShown returns an INSERT of n rows, which collide with none from id on.
func insertShown(random *rand.Rand, id, n int) string {
	names := []string{"a", "B", "b", "ä", "A", "zz", "Zz", "é", "a b"}
	values := make([]string, n)
	for i := range values {
		note, amount := "NULL", "NULL"
		if random.IntN(2) == 0 {
			note = "'" + names[random.IntN(len(names))] + "'"
		}
		if random.IntN(2) == 0 {
			amount = fmt.Sprint(random.IntN(6))
		}
		values[i] = fmt.Sprintf("(%d, %d, '%s', %s, %s)", id+i, random.IntN(4), names[random.IntN(len(names))], note, amount)
	}
	return "INSERT INTO shown (id, grp, name, note, amount) VALUES " + strings.Join(values, ", ")
}

func changeShown(random *rand.Rand, e engine) string {
	id := random.IntN(60)
	switch random.IntN(12) {
	case 0, 1, 2:
		return insertShown(random, 1000+random.IntN(1_000_000_000), 1+random.IntN(3))
	case 3, 4:
		return fmt.Sprintf("DELETE FROM shown WHERE id = %d", id)
	case 5:
		return fmt.Sprintf("UPDATE shown SET id = %d WHERE id = %d", -random.IntN(1_000_000_000)-1, id)
	case 6:
		return fmt.Sprintf("UPDATE shown SET amount = NULL, note = 'x' WHERE id = %d", id)
	case 7:
		return fmt.Sprintf("UPDATE shown SET grp = %d WHERE id > %d", random.IntN(4), id)
	case 8:
		return fmt.Sprintf("DELETE FROM shown WHERE id > %d AND grp = %d", id, random.IntN(4))
	case 9:
		if random.IntN(4) == 0 {
			if e.dialect.Flavor() == dialects.SQLite {
				return "DELETE FROM shown"
			}
			return "TRUNCATE TABLE shown"
		}
		return insertShown(random, 1000+random.IntN(1_000_000_000), 20)
	default:
		return fmt.Sprintf("UPDATE shown SET name = '%c', amount = %d WHERE id = %d", 'A'+rune(random.IntN(60)%26), random.IntN(6), id)
	}
}

// shown reads all rows.
func (r *rig) shown(t *testing.T, name string) (all []shown) {
	t.Helper()
	rows, err := r.other.QueryContext(soon(t), "SELECT id, grp, name, note, amount FROM "+name)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s shown
		if err := rows.Scan(&s.ID, &s.Grp, &s.Name, &s.Note, &s.Amount); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// checkPane compares what is visible with what it should be.
func checkPane(t *testing.T, c windowCase, w *table.Window[int64, shown], all []shown) {
	t.Helper()
	if err := w.Sync(soon(t)); err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	want := slices.DeleteFunc(slices.Clone(all), func(s shown) bool { return !c.within(s) })
	slices.SortFunc(want, compareBy(c.order))
	snap := w.Snapshot()
	switch n, kind := snap.Total(); {
	case kind == table.TotalExact && n != len(want), kind == table.TotalAtLeast && n > len(want):
		t.Errorf("%s: there are %v %d rows, want %d", c.name, kind, n, len(want))
	case c.counted == table.TotalExact && kind != table.TotalExact:
		t.Errorf("%s: the total is %v", c.name, kind)
	}
	from, to := w.Viewport()
	for i := from; i < to; i++ {
		row, ok := snap.Row(i)
		if ok != (i < len(want)) || ok && row.String() != want[i].String() {
			t.Errorf("%s: at %d of %d is %v, %v; visible are %d to %d", c.name, i, len(want), row, ok, from, to)
			return
		}
	}
	for i, row := range snap.Rows(0, 1000) { // what is not visible is not older
		if i >= len(want) || row.String() != want[i].String() {
			t.Errorf("%s: at %d of %d is %v, which is not visible", c.name, i, len(want), row)
			return
		}
	}
}

// moment is a row of which all are changed by each transaction.
type moment struct {
	ID    int64 `db:"id,pk"`
	Epoch int64 `db:"epoch"`
}

const (
	lastingMoments = 200 // rows that are always there
	frontMoments   = 5   // fewer than so many are before them
)

// TestWindowMoments: while others write, each version that a window shows is of one
// moment: of one transaction, in each of which all rows are written and all
// positions shift.
func TestWindowMoments(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, "CREATE TABLE moment (id BIGINT NOT NULL PRIMARY KEY, epoch BIGINT NOT NULL)")
		values := make([]string, lastingMoments)
		for i := range values {
			values[i] = fmt.Sprintf("(%d, 0)", i)
		}
		r.exec(t, "INSERT INTO moment VALUES "+strings.Join(values, ", "))
		w := window[int64, moment](t, r, "moment", table.PageSize(20), table.KeepRows(80))
		writing, done := context.WithCancel(soon(t))
		failed := make(chan error, 1)
		go func() {
			defer done()
			for epoch := int64(1); epoch <= 60; epoch++ {
				if err := r.turn(soon(t), epoch); err != nil {
					failed <- err
					return
				}
			}
		}()
		last, versions, seen := int64(0), 0, uint64(0)
		look := func() {
			s := w.Snapshot()
			if s.Version() != seen {
				seen = s.Version()
				versions++
			}
			last = checkMoment(t, s, last)
		}
		for writing.Err() == nil && !t.Failed() {
			from := rand.IntN(lastingMoments)
			w.SetViewport(from, from+10)
			for range 3 {
				select {
				case <-w.Changes():
				case <-writing.Done():
				case <-time.After(time.Millisecond):
				}
				look()
			}
		}
		select {
		case err := <-failed:
			t.Fatal(err)
		default:
		}
		if err := w.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		look()
		if last != 60 || versions < 2 {
			t.Errorf("in the end it shows epoch %d, after %d versions", last, versions)
		}
	})
}

// turn writes all rows.
func (r *rig) turn(ctx context.Context, epoch int64) error {
	tx, err := r.other.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	statements := []string{"DELETE FROM moment WHERE id < 0", fmt.Sprintf("UPDATE moment SET epoch = %d", epoch)}
	for i := range epoch % frontMoments {
		statements = append(statements, fmt.Sprintf("INSERT INTO moment VALUES (%d, %d)", -i-1, epoch))
	}
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// checkMoment looks whether a version is of one transaction, and returns which.
func checkMoment(t *testing.T, s table.WindowSnapshot[int64, moment], last int64) int64 {
	t.Helper()
	epoch := int64(-1)
	total, _ := s.Total()
	for i, row := range s.Rows(0, 1000) {
		if epoch < 0 {
			if epoch = row.Epoch; epoch < last {
				t.Errorf("epoch %d after %d", epoch, last)
			}
		}
		front := epoch % frontMoments
		if row.Epoch != epoch || row.ID != int64(i)-front || int64(total) != lastingMoments+front {
			t.Errorf("of %d rows, at %d is %v, in version %d of epoch %d", total, i, row, s.Version(), epoch)
			break
		}
	}
	return max(epoch, last)
}

// TestWindowCollated: texts are in the order of the database, if that is wanted.
func TestWindowCollated(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, shownTable("shown"))
		r.exec(t, insertShown(rand.New(rand.NewPCG(1, 1)), 1, 50))
		rows, err := r.other.QueryContext(soon(t), "SELECT id FROM shown ORDER BY name DESC, id")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var want []int64
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			want = append(want, id)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		w := window[int64, shown](t, r, "shown", table.OrderBy("name DESC"), table.Collated(), table.PageSize(5))
		for _, from := range []int{0, 5, 8, 30, 27, 49, 44} {
			w.SetViewport(from, from+5)
			if err := w.Sync(soon(t)); err != nil {
				t.Fatal(err)
			}
			for i := from; i < min(from+5, 50); i++ {
				if row, ok := w.Row(i); !ok || row.ID != want[i] {
					t.Errorf("at %d is %v, %v, want %d", i, row, ok, want[i])
				}
			}
		}
	})
}

// TestWindowKeys: keys of several columns, texts and views.
func TestWindowKeys(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		collation := map[dialects.Flavor]string{dialects.MySQL: " COLLATE utf8mb4_bin"}[e.dialect.Flavor()]
		r := newRig(t, e,
			"CREATE TABLE pair (a INTEGER NOT NULL, b VARCHAR(30)"+collation+" NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (a, b))",
			"CREATE VIEW pairs AS SELECT a, b, n FROM pair WHERE n > 0")
		var want []pairKey
		for a := range int32(6) {
			for _, b := range []string{"B", "Zz", "a", "b", "ä"} {
				r.exec(t, fmt.Sprintf("INSERT INTO pair VALUES (%d, '%s', %d)", a, b, a+1))
				want = append(want, pairKey{a, b})
			}
		}
		type viewed struct {
			A int32  `db:"a,pk"`
			B string `db:"b,pk"`
			N int64  `db:"n"`
		}
		w := window[pairKey, pair](t, r, "pair", table.PageSize(4))
		v := window[pairKey, viewed](t, r, "pairs", table.PageSize(4))
		for _, from := range []int{0, 4, 7, 20, 17, 27, 23} {
			w.SetViewport(from, from+4)
			v.SetViewport(from, from+4)
			if err := errors.Join(w.Sync(soon(t)), v.Sync(soon(t))); err != nil {
				t.Fatal(err)
			}
			for i := from; i < min(from+4, len(want)); i++ {
				row, _ := w.Row(i)
				if got := (pairKey{row.A, row.B}); got != want[i] {
					t.Errorf("at %d is %v, want %v", i, got, want[i])
				}
				seen, _ := v.Row(i)
				if got := (pairKey{seen.A, seen.B}); got != want[i] {
					t.Errorf("in the view, at %d is %v, want %v", i, got, want[i])
				}
			}
		}
	})
}

// TestWindowScrolls: who scrolls a table that does not change has its rows counted
// once, skips none, wherever it is, and asks no more per page than to begin, to look
// for changes, to read and to end.
func TestWindowScrolls(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, shownTable("item"))
		for i := range 10 {
			r.exec(t, strings.Replace(insertShown(rand.New(rand.NewPCG(2, 2)), 50*i, 50), "shown", "item", 1))
		}
		w := window[int64, shown](t, r, "item", table.PageSize(20))
		if err := w.Sync(soon(t)); err != nil { // from now on a reading can tell what has changed
			t.Fatal(err)
		}
		sent, whole := r.sent.Load(), r.whole.Load()
		for page := 1; page < 25; page++ {
			w.SetViewport(20*page, 20*page+20)
			if err := w.Sync(soon(t)); err != nil {
				t.Fatal(err)
			}
			if row, ok := w.Row(20*page + 19); !ok || row.ID != int64(20*page+19) {
				t.Errorf("on page %d is %v, %v", page, row, ok)
			}
		}
		if n := r.whole.Load() - whole; n != 24 {
			t.Errorf("for 24 pages, the table was read %d times", n)
		}
		if n := r.skipping.Load(); n != 0 {
			t.Errorf("%d statements have skipped rows", n)
		}
		if n := r.sent.Load() - sent; n > 24*6 {
			t.Errorf("for 24 pages, %d statements were sent", n)
		}
	})
}

// TestWindowEstimates: the planner's figure, said to be one.
func TestWindowEstimates(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, shownTable("shown"))
		for i := range 20 {
			r.exec(t, insertShown(rand.New(rand.NewPCG(2, 2)), 50*i, 50))
		}
		if e.dialect.Flavor() == dialects.MySQL {
			r.exec(t, "ANALYZE TABLE shown")
		} else {
			r.exec(t, "ANALYZE shown")
		}
		w := window[int64, shown](t, r, "shown", table.Totals(table.TotalEstimate), table.Where("id >= ?", 500))
		n, kind := w.Total()
		if e.dialect.Flavor() == dialects.SQLite {
			if n != 500 || kind != table.TotalExact {
				t.Errorf("there are %v %d rows", kind, n)
			}
			return
		}
		if kind != table.TotalEstimate || n < 250 || n > 1000 {
			t.Errorf("there are %v %d rows", kind, n)
		}
	})
}

// TestWindowPollEvery: a table whose changes nobody tells is looked at in turns.
func TestWindowPollEvery(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, shownTable("loose_shown"), e.items("item"))
		var uncovered *table.UncoveredError
		if _, err := table.OpenWindow[int64, shown](soon(t), r.db, "loose_shown"); !errors.As(err, &uncovered) {
			t.Errorf("not captured: %v", err)
		}
		w := window[int64, shown](t, r, "loose_shown", table.PollEvery(5*time.Millisecond))
		r.exec(t, strings.Replace(insertShown(rand.New(rand.NewPCG(2, 2)), 1, 30), "shown", "loose_shown", 1))
		for ctx := soon(t); ; {
			if n, _ := w.Total(); n == 30 {
				break
			}
			select {
			case <-w.Changes():
			case <-ctx.Done():
				t.Fatal("it does not see the rows")
			}
		}
		if row, ok := w.Row(29); !ok || row.ID != 30 {
			t.Errorf("the last one is %v, %v", row, ok)
		}
	})
}

// TestWindowFeedLost: while the feed cannot reach its server, a window keeps its rows
// and says so; afterwards it shows what has happened meanwhile.
func TestWindowFeedLost(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, shownTable("shown"))
		r.exec(t, insertShown(rand.New(rand.NewPCG(2, 2)), 1, 30))
		w := window[int64, shown](t, r, "shown", table.PageSize(5))
		if r.proxy == nil {
			return // there is nothing between a feed and its file
		}
		r.proxy.Blackhole()
		r.exec(t, "DELETE FROM shown WHERE id = 1")
		for ctx := soon(t); ; {
			if state, err := w.State(); state == table.Lost && err != nil {
				break
			}
			select {
			case <-ctx.Done():
				t.Fatal("the window does not know that the feed is lost")
			case <-time.After(time.Millisecond):
			}
		}
		if row, ok := w.Row(0); !ok || row.ID != 1 {
			t.Errorf("while the feed is lost, the first one is %v, %v", row, ok)
		}
		r.proxy.Heal()
		if err := w.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		if row, _ := w.Row(0); row.ID != 2 {
			t.Errorf("afterwards, the first one is %v", row)
		}
		if state, err := w.State(); state != table.Live {
			t.Errorf("%v, %v", state, err)
		}
	})
}
