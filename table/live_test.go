package table

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
)

func TestReads(t *testing.T) {
	t.Parallel()
	m := newMemory(t, MemoryConfig[item]{})
	m.Commit(func(tx *MemoryTx[int64, item]) {
		for i := range int64(10) {
			tx.Set(item{ID: 9 - i, Name: fmt.Sprint(i % 3)})
		}
	})
	var progress []int
	live := open(t, m, OnProgress(func(n int) { progress = append(progress, n) }))
	if !slices.Equal(progress, []int{10}) {
		t.Errorf("progress is %v", progress)
	}
	if row, ok := live.Get(3); !ok || row.ID != 3 {
		t.Errorf("Get returned %v, %v", row, ok)
	}
	if _, ok := live.Get(10); ok || live.Len() != 10 {
		t.Error("there is a row too many")
	}
	ordered := func(s Snapshot[int64, item]) (keys []int64) {
		for k := range s.Ascend() {
			keys = append(keys, k)
		}
		return keys
	}
	before := live.Snapshot()
	if got := ordered(before); !slices.Equal(got, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("in order: %v", got)
	}
	index := NewIndex(live, func(i item) string { return i.Name })
	if n := index.Len("0"); n != 4 {
		t.Errorf("%d rows with 0", n)
	}
	m.Commit(func(tx *MemoryTx[int64, item]) {
		tx.Set(item{ID: 20, Name: "0"})
		tx.Delete(4)
	})
	settled(t, live, m)
	if got := ordered(live.Snapshot()); !slices.Equal(got, []int64{0, 1, 2, 3, 5, 6, 7, 8, 9, 20}) {
		t.Errorf("in order: %v", got)
	}
	if got := slices.Sorted(maps.Keys(maps.Collect(index.Find("0")))); !slices.Equal(got, []int64{0, 3, 6, 9, 20}) {
		t.Errorf("rows with 0: %v", got)
	}
	for range index.Find("7") {
		t.Error("a row with 7")
	}
	if before.Len() != 10 || len(ordered(before)) != 10 {
		t.Error("a snapshot has changed")
	}
	if got := maps.Collect(live.Find(func(i item) bool { return i.ID > 8 })); len(got) != 2 {
		t.Errorf("found %v", got)
	}
	got := ordered(live.Snapshot())[3:5]
	for k := range live.Snapshot().From(3) {
		if k != got[0] {
			t.Errorf("from 3 comes %d", k)
		}
		break
	}
}

// TestReadsDoNotAllocate: neither Get nor Snapshot costs the garbage collector
// anything.
func TestReadsDoNotAllocate(t *testing.T) {
	m := newMemory(t, MemoryConfig[item]{})
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1}) })
	live := open(t, m)
	if n := testing.AllocsPerRun(100, func() { _, _ = live.Get(1) }); n != 0 {
		t.Errorf("Get allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { _ = live.Snapshot().Len() }); n != 0 {
		t.Errorf("Snapshot allocates %v times", n)
	}
}

// TestReloadIsOneDiff: after the rows were lost sight of, exactly what differs
// is told, at once, and nothing ever looks empty.
func TestReloadIsOneDiff(t *testing.T) {
	t.Parallel()
	m := newMemory(t, MemoryConfig[item]{})
	m.Commit(func(tx *MemoryTx[int64, item]) {
		for i := range int64(100) {
			tx.Set(item{ID: i})
		}
	})
	live := open(t, m)
	s := watch(live)
	q := live.core.subscribe(DefaultRoom)
	defer live.core.unsubscribe(q)
	m.Lose(errScripted)
	m.Commit(func(tx *MemoryTx[int64, item]) {
		tx.Delete(7)
		tx.Set(item{ID: 8, Name: "new"})
		tx.Set(item{ID: 100})
	})
	if state, err := live.State(); state != Lost || !errors.Is(err, errScripted) {
		t.Errorf("the state is %v, %v", state, err)
	}
	if live.Len() != 100 {
		t.Errorf("%d rows while the feed is lost", live.Len())
	}
	m.At(BeforeLoad, func() error { return errScripted }) // nothing of a failed load is seen
	m.Heal()
	m.Reset()
	settled(t, live, m)
	if state, err := live.State(); state != Live || err != nil {
		t.Errorf("the state is %v, %v", state, err)
	}
	b, err := q.next(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	got := map[int64]Op{}
	for _, d := range b.Diffs {
		got[d.Key] = d.Op
	}
	if !maps.Equal(got, map[int64]Op{7: Deleted, 8: Updated, 100: Inserted}) {
		t.Errorf("the differences are %v", got)
	}
	s.spyMu.Lock()
	defer s.spyMu.Unlock()
	for i, v := range s.seen {
		if len(v) < 100 {
			t.Errorf("version %d is {%s}", i, v)
		}
	}
}

// TestWithin: rows that enter the set are inserted, and those that leave it
// deleted.
func TestWithin(t *testing.T) {
	t.Parallel()
	m := newMemory(t, MemoryConfig[item]{Within: func(i *item) bool { return i.Name == "in" }})
	m.Commit(func(tx *MemoryTx[int64, item]) {
		tx.Set(item{ID: 1, Name: "in"})
		tx.Set(item{ID: 2, Name: "out"})
	})
	live := open(t, m)
	q := live.core.subscribe(DefaultRoom)
	defer live.core.unsubscribe(q)
	m.Commit(func(tx *MemoryTx[int64, item]) {
		tx.Set(item{ID: 1, Name: "out"})
		tx.Set(item{ID: 2, Name: "in"})
	})
	settled(t, live, m)
	b, err := q.next(soon(t))
	if err != nil || len(b.Diffs) != 2 {
		t.Fatalf("%v, %v", b.Diffs, err)
	}
	for _, d := range b.Diffs {
		if want := map[int64]Op{1: Deleted, 2: Inserted}[d.Key]; d.Op != want {
			t.Errorf("row %d was %v", d.Key, d.Op)
		}
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	m := newMemory(t, MemoryConfig[item]{})
	for range 20 { // what fails once may have worked before Open looks
		m.At(BeforeLoad, func() error { return errScripted })
	}
	if _, err := Open(soon(t), m); !errors.Is(err, errScripted) {
		t.Errorf("the error is %v", err)
	}
	m = newMemory(t, MemoryConfig[item]{})
	m.At(BeforeLoad, func() error { return errScripted })
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1}) })
	live := open(t, m, InBackground())
	settled(t, live, m)
}

func TestManualIngress(t *testing.T) {
	t.Parallel()
	m := newMemory(t, MemoryConfig[item]{})
	live := open(t, m)
	m.Hold()
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 5, N: 1}) })
	if err := live.OnBackendChange(soon(t), 5); err != nil {
		t.Fatal(err)
	}
	if row, ok := live.Get(5); !ok || row.N != 1 {
		t.Errorf("the row is %v, %v", row, ok)
	}
	if err := live.Refresh(soon(t)); err != nil {
		t.Fatal(err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	m := newMemory(t, MemoryConfig[item]{})
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 5}) })
	live := open(t, m)
	events := live.Events(soon(t))
	if err := live.Shutdown(soon(t)); err != nil {
		t.Fatal(err)
	}
	for _, err := range events {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("events end with %v", err)
		}
	}
	if state, _ := live.State(); state != Closed {
		t.Errorf("the state is %v", state)
	}
	if err := live.Sync(soon(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("Sync: %v", err)
	}
	if _, ok := live.Get(5); !ok {
		t.Error("the rows are gone")
	}
	for _, err := range live.Events(soon(t)) {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("events of a closed table end with %v", err)
		}
	}
}
