package table

import (
	"context"
	"errors"
	"testing"
)

// doorkeeper is a row store that lets nobody in until it is told what to say.
type doorkeeper struct {
	*MemoryStore
	reached chan struct{}
	answers chan error
}

func (d *doorkeeper) Open(ctx context.Context, name string) (Shelf, error) {
	d.reached <- struct{}{}
	select {
	case err := <-d.answers:
		if err != nil {
			return nil, err
		}
		return d.MemoryStore.Open(ctx, name)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestOpeningHoldsNobodyUp: while a table waits for its row store, others are opened
// and closed. Who opens the same waits with its own context, and tries by itself
// when that has failed.
func TestOpeningHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	type result struct {
		core    *core[int64, item]
		release func() error
		err     error
	}
	db, m := &Database{}, newMemory(t, MemoryConfig[item]{})
	door := &doorkeeper{NewMemoryStore(), make(chan struct{}), make(chan error)}
	share := func(ctx context.Context, name string, opts ...Option) (r result) {
		r.core, r.release, r.err = share(ctx, db, shape{text: name}, m, collect(opts))
		return r
	}
	opening := func() chan result {
		done := make(chan result, 1)
		go func() { done <- share(soon(t), "kept", StoreIn(door)) }()
		return done
	}
	first := opening()
	<-door.reached
	if !db.sharedMu.TryLock() {
		door.answers <- errScripted
		t.Fatal("a lock is held while a row store is opened")
	}
	db.sharedMu.Unlock()
	other := share(soon(t), "other")
	if other.err != nil {
		t.Fatal(other.err)
	}
	if err := other.release(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(soon(t))
	cancel()
	if r := share(ctx, "kept", StoreIn(door)); !errors.Is(r.err, context.Canceled) {
		t.Errorf("who had no time got %v", r.err)
	}
	second := opening()
	door.answers <- errScripted
	if r := <-first; !errors.Is(r.err, errScripted) {
		t.Errorf("the first one got %v", r.err)
	}
	<-door.reached // the second one, by itself
	third := opening()
	door.answers <- nil
	a, b := <-second, <-third
	if a.err != nil || b.err != nil || a.core != b.core {
		t.Fatalf("%v and %v", a.err, b.err)
	}
	if err := a.release(); err != nil || b.core.ctx.Err() != nil {
		t.Errorf("what is used was closed: %v", err)
	}
	if err := b.release(); err != nil || b.core.ctx.Err() == nil || len(db.shared) > 0 {
		t.Errorf("what nobody uses was not closed: %v", err)
	}
}

// masked is a text that programs do not show.
type masked string

// GoString shows nothing of it.
func (masked) GoString() string { return "***" }

// TestArgsThatLookAlike: tables whose arguments differ share nothing, whatever these
// look like when they are printed.
func TestArgsThatLookAlike(t *testing.T) {
	t.Parallel()
	of := func(arg any) shape { return shapeOf[int64, item]("item", collect([]Option{Where("name = ?", arg)})) }
	for _, pair := range [][2]any{{masked("a"), masked("b")}, {"a", masked("a")}, {1, int64(1)}, {"1", 1}, {0.1, 0.2}, {true, false}} {
		if of(pair[0]) == of(pair[1]) {
			t.Errorf("%T %v and %T %v are taken for the same", pair[0], pair[0], pair[1], pair[1])
		}
		if of(pair[0]) != of(pair[0]) {
			t.Errorf("%T %v is not the same as itself", pair[0], pair[0])
		}
	}
}

// TestClosedWhileOthersAreOpen: the rows of a table that is closed stay what they
// are, also if another one shares them.
func TestClosedWhileOthersAreOpen(t *testing.T) {
	t.Parallel()
	db, m := &Database{}, newMemory(t, MemoryConfig[item]{})
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, N: 1}) })
	shared := func() *LiveTable[int64, item] {
		o := collect(nil)
		c, release, err := share(soon(t), db, shape{text: "item"}, m, o)
		if err != nil {
			t.Fatal(err)
		}
		live, err := opened(soon(t), handle(c, release), o)
		if err != nil {
			t.Fatal(err)
		}
		return live
	}
	one, other := shared(), shared()
	defer func() { _ = other.Close() }()
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	version := one.Version()
	m.Commit(func(tx *MemoryTx[int64, item]) {
		tx.Set(item{ID: 1, N: 2})
		tx.Set(item{ID: 2, N: 2})
	})
	settled(t, other, m)
	row, _ := one.Get(1)
	if row.N != 1 || one.Len() != 1 || one.Version() != version || one.Snapshot().Len() != 1 {
		t.Errorf("a closed table shows %v, %d rows, version %d after %d", row, one.Len(), one.Version(), version)
	}
	for what, err := range map[string]error{
		"Sync": one.Sync(soon(t)), "Refresh": one.Refresh(soon(t)), "OnBackendChange": one.OnBackendChange(soon(t), 1),
		"Delete": one.Set().Delete(soon(t), 1),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s of a closed table: %v", what, err)
		}
	}
	settled(t, other, m)
	if other.Len() != 2 {
		t.Errorf("%d rows, want 2", other.Len())
	}
}
