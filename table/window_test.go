package table

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestWindowFetches is the example of the lineage: 1000 rows, in pages of 100.
func TestWindowFetches(t *testing.T) {
	t.Parallel()
	bubble(t, 1000, func(t *testing.T, l *ledger, w *Window[int64, item]) {
		t.Helper()
		l.expect(t, "opening", span{0, 100})
		if n, kind := w.Total(); n != 1000 || kind != TotalExact {
			t.Errorf("there are %v %d rows", kind, n)
		}
		for _, step := range []struct {
			from, to int
			want     []span
		}{
			{547, 567, []span{{547, 647}}},
			{620, 640, nil},
			{800, 900, []span{{800, 900}}},
			{750, 770, []span{{750, 850}}},
			{980, 1000, []span{{980, 1000}}},
			{1900, 2000, nil},
			{5, 5, nil},
		} {
			opens := l.opens
			scroll(w, step.from, step.to)
			l.expect(t, fmt.Sprintf("%d to %d", step.from, step.to), step.want...)
			if l.opens-opens != len(step.want) {
				t.Errorf("for %d to %d, %d readings were opened", step.from, step.to, l.opens-opens)
			}
			for i := step.from; i < min(step.to, 1000); i++ {
				if row, ok := w.Row(i); !ok || row.ID != int64(i) {
					t.Errorf("at %d is %v, %v", i, row, ok)
				}
			}
		}
		if l.totals != 1 {
			t.Errorf("rows were counted %d times", l.totals)
		}
	})
}

// TestWindowGrowsAwayFromWhatIsThere: visible 29 to 49, there 30 to 50, a page of
// 20.
func TestWindowGrowsAwayFromWhatIsThere(t *testing.T) {
	t.Parallel()
	bubble(t, 1000, func(t *testing.T, l *ledger, w *Window[int64, item]) {
		t.Helper()
		scroll(w, 30, 50)
		l.expect(t, "the beginning", span{0, 20}, span{30, 50})
		scroll(w, 29, 49)
		l.expect(t, "up", span{10, 30})
		scroll(w, 31, 51)
		l.expect(t, "down", span{50, 70})
		scroll(w, 0, 30)
		l.expect(t, "all is there")
	}, PageSize(20))
}

// TestWindowDebounces: of viewports that follow one another quickly, the rows of
// the last one are read, and in time if they never stop.
func TestWindowDebounces(t *testing.T) {
	t.Parallel()
	bubble(t, 100_000, func(t *testing.T, l *ledger, w *Window[int64, item]) {
		t.Helper()
		l.take()
		events := w.Events(t.Context())
		w.SetViewport(300, 320)
		time.Sleep(49 * time.Millisecond)
		w.SetViewport(400, 420)
		time.Sleep(49 * time.Millisecond)
		w.SetViewport(500, 600)
		time.Sleep(49 * time.Millisecond)
		synctest.Wait()
		l.expect(t, "before it is calm")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		l.expect(t, "when it is", span{500, 600})
		w.told(t, events, "viewport changed 500..600 at 1", "range loaded 500..600 at 2")
		for i := range 100 { // it never is
			w.SetViewport(1000+100*i, 1100+100*i)
			time.Sleep(10 * time.Millisecond)
		}
		synctest.Wait()
		if n := len(l.take()); n < 4 || n > 5 {
			t.Errorf("within a second, %d pages were read", n)
		}
	})
}

// told compares the next events.
func (w *Window[K, T]) told(tb testing.TB, events func(func(WindowEvent, error) bool), want ...string) {
	tb.Helper()
	var got []string
	if len(want) > 0 {
		events(func(e WindowEvent, err error) bool {
			if err != nil {
				tb.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%v %d..%d at %d", e.Kind, e.From, e.To, e.Version))
			return len(got) < len(want)
		})
	}
	if !slices.Equal(got, want) {
		tb.Errorf("told was %q, want %q", got, want)
	}
}

// TestWindowReadsAreInMemory: a row that is not there is not fetched by asking for
// it.
func TestWindowReadsAreInMemory(t *testing.T) {
	t.Parallel()
	bubble(t, 1000, func(t *testing.T, l *ledger, w *Window[int64, item]) {
		t.Helper()
		l.take()
		for range 5 {
			if _, ok := w.Row(500); ok {
				t.Error("a row is there that was not read")
			}
		}
		for i := range w.Rows(90, 110) {
			if i >= 100 {
				t.Errorf("row %d is there", i)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		l.expect(t, "asking")
		if _, ok := w.Row(-1); ok {
			t.Error("there is a row before the first one")
		}
	})
}

// TestWindowLoadFails: nothing changes but that it is told, and the next viewport
// tries again.
func TestWindowLoadFails(t *testing.T) {
	t.Parallel()
	bubble(t, 1000, func(t *testing.T, l *ledger, w *Window[int64, item]) {
		t.Helper()
		events := w.Events(t.Context())
		before := w.Snapshot()
		l.At(BeforePage, func() error { return errScripted })
		scroll(w, 500, 600)
		if w.Snapshot() != before {
			t.Error("the version has changed")
		}
		if state, err := w.Load(); state != LoadPartial || !errors.Is(err, errScripted) {
			t.Errorf("the load state is %v, %v", state, err)
		}
		if state, err := w.State(); state != Live || err != nil {
			t.Errorf("the state is %v, %v", state, err)
		}
		scroll(w, 500, 600)
		if row, ok := w.Row(500); !ok || row.ID != 500 {
			t.Errorf("at 500 is %v, %v", row, ok)
		}
		if state, err := w.Load(); state != LoadPartial || err != nil {
			t.Errorf("the load state is %v, %v", state, err)
		}
		w.told(t, events, "viewport changed 500..600 at 1", "load failed 500..600 at 1", "range loaded 500..600 at 2")
	})
}

// TestWindowVersions: a version more for what differs, none for what does not.
func TestWindowVersions(t *testing.T) {
	t.Parallel()
	bubble(t, 250, func(t *testing.T, l *ledger, w *Window[int64, item]) {
		t.Helper()
		if w.Version() != 1 {
			t.Errorf("version %d", w.Version())
		}
		if err := w.Refresh(t.Context()); err != nil || w.Version() != 1 {
			t.Errorf("version %d after a refresh that found the same, %v", w.Version(), err)
		}
		<-w.Changes()
		l.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 5, Name: "five"}) })
		synctest.Wait()
		time.Sleep(time.Second)
		select {
		case <-w.Changes():
		default:
			t.Error("nothing is told")
		}
		if row, _ := w.Row(5); row.Name != "five" || w.Version() != 2 {
			t.Errorf("version %d has %v", w.Version(), row)
		}
		scroll(w, 100, 120)
		scroll(w, 200, 220)
		if w.Version() != 4 {
			t.Errorf("version %d after two pages more", w.Version())
		}
		if state, _ := w.Load(); state != LoadComplete {
			t.Errorf("all rows are there, it is %v", state)
		}
		l.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 250}) })
		time.Sleep(time.Second)
		synctest.Wait()
		if state, _ := w.Load(); state != LoadPartial {
			t.Errorf("after a change, of which far rows were not read again, it is %v", state)
		}
	})
}

// TestWindowSupersedes: a reading for a viewport that is gone is given up.
func TestWindowSupersedes(t *testing.T) {
	t.Parallel()
	bubble(t, 1000, func(t *testing.T, l *ledger, w *Window[int64, item]) {
		t.Helper()
		l.take()
		reading, done := make(chan struct{}), make(chan struct{})
		l.At(BeforePage, func() error {
			close(reading)
			<-done
			return nil
		})
		w.SetViewport(500, 520)
		<-reading
		scroll(w, 510, 530) // it may need what is being read
		w.viewMu.Lock()
		given := w.flight.visible
		w.viewMu.Unlock()
		if given != (span{500, 520}) {
			t.Errorf("%v is read", given)
		}
		w.SetViewport(800, 820)
		time.Sleep(time.Second)
		close(done)
		synctest.Wait()
		l.expect(t, "two, of which the first was given up", span{500, 600}, span{800, 900})
		if _, ok := w.Row(500); ok {
			t.Error("what was given up is there")
		}
		if _, ok := w.Row(800); !ok {
			t.Error("what is visible is not there")
		}
	})
}

// TestWindowKeeps: there is a bound on the rows that are kept, and those that are
// visible are among them.
func TestWindowKeeps(t *testing.T) {
	t.Parallel()
	bubble(t, 10_000, func(t *testing.T, _ *ledger, w *Window[int64, item]) {
		t.Helper()
		count := func() (n int) {
			for range w.Rows(0, 10_000) {
				n++
			}
			return n
		}
		for from := 0; from < 9000; from += 70 {
			scroll(w, from, from+50)
			if n := count(); n > 300 || n < 50 {
				t.Fatalf("at %d, %d rows are kept", from, n)
			}
			for i := from; i < from+50; i++ {
				if row, ok := w.Row(i); !ok || row.ID != int64(i) {
					t.Fatalf("at %d is %v, %v", i, row, ok)
				}
			}
		}
		scroll(w, 0, 10_000)
		if _, ok := w.Row(299); !ok || count() != 300 {
			t.Errorf("of a viewport that is too large, %d rows are kept", count())
		}
	}, KeepRows(300))
}

// TestWindowWhileLost: what is shown stays while nothing is heard, and afterwards
// one version leads to what is so by then.
func TestWindowWhileLost(t *testing.T) {
	t.Parallel()
	bubble(t, 1000, func(t *testing.T, l *ledger, w *Window[int64, item]) {
		t.Helper()
		l.Lose(errScripted)
		l.Commit(func(tx *MemoryTx[int64, item]) {
			tx.Delete(3)
			tx.Set(item{ID: 4, Name: "new"})
		})
		if state, err := w.State(); state != Lost || !errors.Is(err, errScripted) {
			t.Errorf("the state is %v, %v", state, err)
		}
		if row, ok := w.Row(3); !ok || row.ID != 3 {
			t.Errorf("while it is lost, at 3 is %v, %v", row, ok)
		}
		for range 3 { // nothing of what fails is seen
			l.At(BeforePage, func() error { return errScripted })
		}
		events := w.Events(t.Context())
		l.Heal()
		synctest.Wait()
		if state, err := w.State(); state != Lost || !errors.Is(err, errScripted) {
			t.Errorf("while it cannot be read, the state is %v, %v", state, err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if row, ok := w.Row(3); !ok || row.Name != "new" || w.Version() != 2 {
			t.Errorf("in version %d, at 3 is %v, %v", w.Version(), row, ok)
		}
		if n, _ := w.Total(); n != 999 {
			t.Errorf("there are %d rows", n)
		}
		if state, err := w.State(); state != Live || err != nil {
			t.Errorf("the state is %v, %v", state, err)
		}
		w.told(t, events, "load failed 0..100 at 1", "rows changed 0..999 at 2")
	})
}

// TestWindowCoalesces: changes that come while rows are read are read together, and
// a table that changes all the time does not make a window read all the time.
func TestWindowCoalesces(t *testing.T) {
	t.Parallel()
	bubble(t, 1000, func(t *testing.T, l *ledger, w *Window[int64, item]) {
		t.Helper()
		for range 1000 { // a second
			l.At(BeforePage, func() error {
				time.Sleep(20 * time.Millisecond)
				return nil
			})
		}
		l.take()
		for i := range 1000 {
			l.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, N: int64(i)}) })
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(l.take()); n < 20 || n > 27 {
			t.Errorf("for 1000 changes within a second, rows were read %d times, 20 ms each", n)
		}
		if row, _ := w.Row(1); row.N != 999 {
			t.Errorf("the last one is not shown: %v", row)
		}
		w.SetViewport(500, 510) // taken up after 50 ms
		time.Sleep(20 * time.Millisecond)
		for range 2 {
			l.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, N: 2000}) })
			synctest.Wait() // the first one is read for 20 ms, and the second waits 20 more for its turn
		}
		time.Sleep(51 * time.Millisecond) // who scrolls does not wait for that
		synctest.Wait()
		if _, ok := w.Row(500); !ok {
			t.Error("what is visible is not there")
		}
	})
}

// TestWindowTotals: without counting, the end is known when it was seen.
func TestWindowTotals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind  TotalKind
		first string
	}{{TotalAtLeast, "at least 100"}, {TotalEstimate, "estimate 250"}, {TotalExact, "exact 255"}} {
		bubble(t, 255, func(t *testing.T, l *ledger, w *Window[int64, item]) {
			t.Helper()
			total := func() string {
				n, kind := w.Total()
				return fmt.Sprint(kind, " ", n)
			}
			if got := total(); got != c.first {
				t.Errorf("it is %q, want %q", got, c.first)
			}
			if c.kind != TotalExact && l.totals != 0 {
				t.Error("rows were counted")
			}
			scroll(w, 100, 150)
			scroll(w, 240, 270)
			if got := total(); got != "exact 255" {
				t.Errorf("at the end it is %q", got)
			}
			l.take()
			scroll(w, 300, 310)
			l.expect(t, "behind the end")
			if c.kind == TotalExact {
				return
			}
			l.Commit(func(tx *MemoryTx[int64, item]) { tx.Delete(254) })
			time.Sleep(time.Second)
			synctest.Wait()
			if got := total(); got != "exact 254" {
				t.Errorf("behind the end it is %q", got)
			}
		}, Totals(c.kind))
	}
}

// TestWindowOrder: rows are in the order of OrderBy, and those that are equal in
// the order of their keys.
func TestWindowOrder(t *testing.T) {
	t.Parallel()
	l := numbered(t, 30, MemoryConfig[item]{Within: func(i *item) bool { return i.ID%2 == 0 }})
	l.Commit(func(tx *MemoryTx[int64, item]) {
		for i := range int64(30) {
			tx.Set(item{ID: i, N: i % 4, Name: "x"})
		}
	})
	w := openWindow(t, l, OrderBy("name", "n DESC"), Debounce(0))
	var got []int64
	for i, row := range w.Rows(0, 100) {
		if i != len(got) {
			t.Errorf("row %v is at %d", row, i)
		}
		got = append(got, row.ID)
	}
	if want := []int64{2, 6, 10, 14, 18, 22, 26, 0, 4, 8, 12, 16, 20, 24, 28}; !slices.Equal(got, want) {
		t.Errorf("rows are %v, want %v", got, want)
	}
	if state, err := w.Load(); state != LoadComplete || err != nil {
		t.Errorf("it is %v, %v", state, err)
	}
}

// TestWindowOpenFails: the reason is told, and nothing goes on.
func TestWindowOpenFails(t *testing.T) {
	t.Parallel()
	l := numbered(t, 10, MemoryConfig[item]{})
	l.At(BeforeTotal, func() error { return errScripted })
	if _, err := NewWindow(soon(t), l); !errors.Is(err, errScripted) {
		t.Errorf("the error is %v", err)
	}
	for _, opt := range []Option{OrderBy("nothing"), OrderBy("n up"), PageSize(-1), KeepRows(-1), KeepRows(10), Debounce(-1), Totals(7)} {
		var condition *ConditionError
		if _, err := NewWindow(soon(t), l, opt); !errors.As(err, &condition) {
			t.Errorf("the error is %v", err)
		}
	}
	l.At(BeforeOpen, func() error { return errScripted })
	w := openWindow(t, l, InBackground())
	if err := w.Sync(soon(t)); err != nil {
		t.Error(err)
	}
	if n, _ := w.Total(); n != 10 {
		t.Errorf("there are %d rows", n)
	}
}

// heedless is a source whose pages do not notice that they are not wanted any more.
type heedless struct{ *Memory[int64, item] }

func (h heedless) Sorted(ctx context.Context, columns []string, collated bool) (func(context.Context) (Pages[int64, item], error), error) {
	open, err := h.Memory.Sorted(ctx, columns, collated)
	return func(ctx context.Context) (Pages[int64, item], error) {
		pages, err := open(context.WithoutCancel(ctx))
		return heedlessPages{pages}, err
	}, err
}

type heedlessPages struct{ Pages[int64, item] }

func (p heedlessPages) Page(ctx context.Context, page Page[int64], yield func(int64, *item) error) error {
	return p.Pages.Page(context.WithoutCancel(ctx), page, yield)
}

// TestWindowClosed: it keeps what it has, and does nothing more, whether or not
// its source notices.
func TestWindowClosed(t *testing.T) {
	t.Parallel()
	for name, notices := range map[string]bool{"noticed": true, "unnoticed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := numbered(t, 1000, MemoryConfig[item]{Tells: true})
			if notices {
				closedWindow(t, l, openWindow(t, l))
			} else {
				closedWindow(t, l, openWindow(t, heedless{l.Memory}))
			}
		})
	}
}

func closedWindow(t *testing.T, l *ledger, w *Window[int64, item]) {
	t.Helper()
	events := w.Events(soon(t))
	reading := make(chan struct{})
	l.At(BeforePage, func() error {
		close(reading)
		<-w.ctx.Done()
		return nil
	})
	w.SetViewport(500, 600)
	<-reading
	w.SetViewport(700, 800)
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	for _, err := range events {
		if err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("events end with %v", err)
		}
	}
	for _, err := range w.Events(soon(t)) {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("events of a closed window end with %v", err)
		}
	}
	w.SetViewport(1, 2)
	if state, err := w.State(); state != Closed || !errors.Is(err, ErrClosed) {
		t.Errorf("the state is %v, %v", state, err)
	}
	if err := w.Refresh(soon(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("Refresh: %v", err)
	}
	if _, ok := w.Row(99); !ok {
		t.Error("the rows are gone")
	}
	if _, ok := w.Row(500); ok {
		t.Error("rows came after the end")
	}
}

// TestWindowEventsForTheSlow: changes are told once, and that there were too many.
func TestWindowEventsForTheSlow(t *testing.T) {
	t.Parallel()
	q := &windowQueue{ready: make(chan struct{}, 1)}
	for i := range 10 {
		q.add(WindowEvent{Kind: RowsChanged, Version: uint64(i)})
	}
	if e, err := q.next(soon(t)); e.Version != 9 || err != nil || len(q.events) != 0 {
		t.Errorf("%v, %v", e, err)
	}
	for i := range windowRoom + 1 {
		q.add(WindowEvent{Kind: RangeLoaded, Version: uint64(i)})
	}
	q.end()
	if e, err := q.next(soon(t)); e.Kind != EventsMissed || e.Version != windowRoom || err != nil {
		t.Errorf("%v, %v", e, err)
	}
	if _, err := q.next(soon(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("the error is %v", err)
	}
}
