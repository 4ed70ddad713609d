package table

import (
	"context"
	"testing"
	"time"
)

// prompt is a source that has told everything, and whose table has read it, when
// Ask returns.
type prompt struct {
	*Memory[int64, item]
	core *core[int64, item]
}

// promptChanges are those of a prompt.
type promptChanges struct {
	Changes[int64]
	p *prompt
}

func (p *prompt) Follow(ctx context.Context) (Changes[int64], error) {
	c, err := p.Memory.Follow(ctx)
	return &promptChanges{c, p}, err
}

func (c *promptChanges) Ask() Position {
	at := c.Changes.Ask()
	for c.p.core != nil {
		c.p.core.writeMu.Lock()
		done := c.p.core.reflected >= at
		c.p.core.writeMu.Unlock()
		if done {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return at
}

// openPrompt opens a table of one row on a prompt.
func openPrompt(t *testing.T) (*LiveTable[int64, item], *Memory[int64, item]) {
	t.Helper()
	m := newMemory(t, MemoryConfig[item]{Tells: true})
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, Name: "a"}) })
	p := &prompt{Memory: m}
	table, err := Open(soon(t), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = table.Close() })
	p.core = table.core
	return table, m
}

// TestAckedLate: a change that is acknowledged when the table has read everything
// already does not hide what others have written since.
func TestAckedLate(t *testing.T) {
	t.Parallel()
	table, m := openPrompt(t)
	m.At(AfterApply, func() error {
		m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, Name: "theirs", N: 2}) })
		return nil
	})
	if _, err := table.Set().Replace(soon(t), item{ID: 1, Name: "mine", N: 1}); err != nil {
		t.Fatal(err)
	}
	row, _ := table.Get(1) // nobody asks for anything
	for until := time.Now().Add(limit); row != m.Rows()[1] && time.Now().Before(until); row, _ = table.Get(1) {
		time.Sleep(time.Millisecond)
	}
	if row != m.Rows()[1] {
		t.Errorf("the table shows %v, the database has %v", row, m.Rows()[1])
	}
}

// TestSawLate: nor does what a session saw, which the table had read by then, keep
// sessions from being told of the row.
func TestSawLate(t *testing.T) {
	t.Parallel()
	table, m := openPrompt(t)
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, Name: "b"}) })
	row := m.Rows()[1]
	d := &display[int64, item]{table.core}
	d.Saw(int64(1), &row, func(any) bool { return true })
	if known, settled := d.Known(int64(1)); !settled || *known.(*item) != row {
		t.Errorf("the row is %v, settled %v", known, settled)
	}
}

// watcher is an index that sees every version.
type watcher struct{ back *int }

func (w watcher) next(_ any, diffs []Diff[int64, item]) any {
	for i := range diffs {
		if d := &diffs[i]; d.old != nil && d.new != nil && d.new.N < d.old.N {
			*w.back++
		}
	}
	return nil
}

func (w watcher) build(*version[int64, item]) any { return nil }

// TestHeldRowIsTheLastOne: a row that is held while a change is on its way does not
// go back to what it was before the change was begun.
func TestHeldRowIsTheLastOne(t *testing.T) {
	m := newMemory(t, MemoryConfig[item]{Tells: true})
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1}) })
	table := open(t, m)
	back := 0
	table.addIndex(watcher{&back})
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := int64(1); ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			m.Commit(func(tx *MemoryTx[int64, item]) {
				row := *tx.edit.Get(1)
				row.N = n
				tx.Set(row)
			})
			time.Sleep(20 * time.Microsecond)
		}
	}()
	for until := time.Now().Add(500 * time.Millisecond); time.Now().Before(until); {
		if _, err := table.Set().Patch(soon(t), 1, Record{"name": "x"}); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	<-done
	settled(t, table, m)
	if back > 0 {
		t.Errorf("the row went back %d times", back)
	}
}

// TestHeldRowOfAPanic: a row is held no longer when the change that was on its way
// has ended in a panic.
func TestHeldRowOfAPanic(t *testing.T) {
	t.Parallel()
	m := newMemory(t, MemoryConfig[item]{Tells: true})
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1}) })
	table := open(t, m)
	m.At(BeforeApply, func() error { panic("as scripted") })
	func() {
		defer func() { _ = recover() }()
		_, _ = table.Set().Patch(soon(t), 1, Record{"name": "x"})
	}()
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, N: 2}) })
	settled(t, table, m)
}
