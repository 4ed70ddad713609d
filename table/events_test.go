package table

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"testing"
	"weak"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	m := newMemory(t, MemoryConfig[item]{})
	live := open(t, m)
	ctx, cancel := context.WithCancel(soon(t))
	defer cancel()
	events := live.Events(ctx)
	m.Commit(func(tx *MemoryTx[int64, item]) {
		tx.Set(item{ID: 1, N: 1})
		tx.Set(item{ID: 2, N: 1})
	})
	n := 0
	for b, err := range events {
		if err != nil {
			if !errors.Is(err, context.Canceled) || n != 3 {
				t.Errorf("events end with %v after %d batches", err, n)
			}
			break
		}
		n++
		switch n {
		case 1:
			if len(b.Diffs) != 2 || b.Diffs[0].Op != Inserted || b.Diffs[0].Origin != Remote || b.Snapshot.Len() != 2 {
				t.Errorf("first came %+v", b)
			}
			m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, N: 2}) })
		case 2:
			if d := b.Diffs[0]; len(b.Diffs) != 1 || d.Op != Updated || d.Old().N != 1 || d.New().N != 2 {
				t.Errorf("then came %+v", b)
			}
			m.Commit(func(tx *MemoryTx[int64, item]) { tx.Delete(1) })
		case 3:
			if d := b.Diffs[0]; len(b.Diffs) != 1 || d.Op != Deleted || d.Old().N != 2 || d.New().ID != 0 {
				t.Errorf("last came %+v", b)
			}
			cancel()
		}
	}
}

// TestSlowSubscriber: differences that wait are joined by row, and when there
// are too many, one batch tells to look at everything.
func TestSlowSubscriber(t *testing.T) {
	t.Parallel()
	m := newMemory(t, MemoryConfig[item]{})
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, N: 1}) })
	live := open(t, m)
	q := live.core.subscribe(3)
	defer live.core.unsubscribe(q)
	write := func(f func(tx *MemoryTx[int64, item])) {
		m.Commit(f)
		settled(t, live, m)
	}
	write(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, N: 2}) })
	write(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 2, N: 3}) })
	write(func(tx *MemoryTx[int64, item]) { tx.Delete(1) })
	b, err := q.next(soon(t))
	if err != nil || b.Resync || len(b.Diffs) != 2 || b.Diffs[0].Op != Deleted || b.Diffs[0].Old().N != 1 || b.Diffs[1].Op != Inserted {
		t.Errorf("joined: %+v, %v", b, err)
	}
	write(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 5}) })
	write(func(tx *MemoryTx[int64, item]) { tx.Delete(5) })
	if b, ok, _ := q.take(); ok {
		t.Errorf("what came to nothing: %+v", b)
	}
	for i := range int64(5) {
		write(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 10 + i}) })
	}
	b, err = q.next(soon(t))
	if err != nil || !b.Resync || len(b.Diffs) != 0 || b.Snapshot.Len() != live.Len() {
		t.Errorf("too many: %+v, %v", b, err)
	}
	if _, ok, _ := q.take(); ok {
		t.Error("there was more than one Resync")
	}
}

func TestCallbacks(t *testing.T) {
	t.Parallel()
	m := newMemory(t, MemoryConfig[item]{})
	live := open(t, m)
	called := make(chan int64)
	live.OnRemoteChange(func(int64) { panic("as scripted") })
	stop := live.OnRemoteChange(func(id int64) { called <- id })
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 7}) })
	if id := <-called; id != 7 {
		t.Errorf("called with %d", id)
	}
	stop()
	live.OnRemoteChange(func(id int64) {
		if err := live.Close(); err != nil {
			t.Error(err)
		}
		called <- id
	})
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 8}) })
	if id := <-called; id != 8 {
		t.Errorf("called with %d", id)
	}
	live.OnRemoteChange(func(int64) { t.Error("called after Close") })
	if live.Len() != 2 {
		t.Error("rows are gone")
	}
}

// TestOriginLocal: the program's own changes are no remote ones, also when they
// are read back.
func TestOriginLocal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, MemoryConfig[item]{})
	w.write([]int64{1})
	live := open(t, w.source)
	q := live.core.subscribe(DefaultRoom)
	defer live.core.unsubscribe(q)
	live.OnRemoteChange(func(id int64) { t.Errorf("called with %d", id) })
	staged := live.Stage(Change[int64, item]{Key: 1, Apply: func(base *item) *item { return &item{ID: 1, N: base.N, Name: "mine"} }})
	w.source.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, N: 1, Name: "mine"}) })
	staged.Acked()
	settled(t, live, w.source)
	b, err := q.next(soon(t))
	if err != nil || len(b.Diffs) != 1 || b.Diffs[0].Origin != Local {
		t.Errorf("%+v, %v", b, err)
	}
	if b, ok, _ := q.take(); ok {
		t.Errorf("and then: %+v", b)
	}
}

// TestDropUndoesItself: of two changes of one row, the failure of the first
// leaves the second, and what others wrote meanwhile.
func TestDropUndoesItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, MemoryConfig[item]{})
	w.write([]int64{1})
	live := open(t, w.source)
	name := func(name string) *Staged[int64, item] {
		return live.Stage(Change[int64, item]{Key: 1, Apply: func(base *item) *item {
			return &item{ID: 1, N: base.N, Name: base.Name + name}
		}})
	}
	first, second := name("a"), name("b")
	w.write([]int64{1})
	if err := live.Refresh(soon(t)); err != nil {
		t.Fatal(err)
	}
	first.Drop()
	if row, _ := live.Get(1); row != (item{ID: 1, N: 2, Name: "b"}) {
		t.Errorf("the row is %v", row)
	}
	second.Drop()
	first.Drop() // again, which does nothing
	settled(t, live, w.source)
}

// TestNewKey: a row that gets its key from the database moves there in one
// version.
func TestNewKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, MemoryConfig[item]{})
	live := open(t, w.source)
	s := watch(live)
	staged := live.Stage(Change[int64, item]{Key: -1, Apply: func(*item) *item { return &item{ID: -1, N: 1} }})
	w.write([]int64{17})
	staged.AckedAs(17, func(*item) *item { return &item{ID: 17, N: 1} })
	settled(t, live, w.source)
	s.spyMu.Lock()
	defer s.spyMu.Unlock()
	for _, v := range s.seen {
		if !slices.Contains([]string{"", "-1=1 ", "17=1 ", "-1=1 17=1 "}, v) {
			t.Errorf("a version is {%s}", v)
		}
	}
	if got := maps.Collect(live.All()); len(got) != 1 {
		t.Errorf("rows: %v", got)
	}
}

func TestFlag(t *testing.T) {
	t.Parallel()
	w := newWorld(t, MemoryConfig[item]{})
	live := open(t, w.source)
	before := live.Version()
	w.write([]int64{1})
	select {
	case <-live.Changes():
	case <-soon(t).Done():
		t.Fatal("no change was told")
	}
	if live.Version() == before {
		t.Error("the version is the same")
	}
}

// TestCallbacksFromTheCallOn: what changes when OnRemoteChange has returned is told,
// also if it is too much to be told row by row.
func TestCallbacksFromTheCallOn(t *testing.T) {
	m := newMemory(t, MemoryConfig[item]{})
	live := open(t, m)
	e := live.core.edit(Remote)
	for i := range int64(DefaultRoom + 1) {
		e.set(i, &item{ID: i})
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // a goroutine that is begun has to wait
	called := make(chan int64)
	live.OnRemoteChange(func(id int64) { called <- id })
	live.core.writeMu.Lock()
	live.core.publish(e)
	q := live.core.queues[0]
	live.core.writeMu.Unlock()
	for waits := true; waits; runtime.Gosched() {
		q.diffMu.Lock()
		waits = q.resync
		q.diffMu.Unlock()
	}
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: -1}) }) // which is told last
	told := 0
	for id := <-called; id != -1; id = <-called {
		told++
	}
	if told != DefaultRoom+1 {
		t.Errorf("%d of %d rows were told", told, DefaultRoom+1)
	}
}

// TestEventsThatNobodyReads: nothing is left of a subscription whose context has
// ended, also if nobody has asked for its events.
func TestEventsThatNobodyReads(t *testing.T) {
	t.Parallel()
	live := open(t, newMemory(t, MemoryConfig[item]{}))
	ctx, cancel := context.WithCancel(soon(t))
	_ = live.Events(ctx)
	live.core.writeMu.Lock()
	q := weak.Make(live.core.queues[0])
	live.core.writeMu.Unlock()
	cancel()
	for until := soon(t); q.Value() != nil; runtime.GC() {
		if until.Err() != nil {
			t.Fatal("it is still there")
		}
	}
}
