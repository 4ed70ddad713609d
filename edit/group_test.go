package edit_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vantage-go/live/edit"
)

// pair is two sessions that are saved together, on the rows 1 and 2, and a writer
// that is busy with row 3 until it is let go.
type pair struct {
	*desk
	gate        *gate
	left, right *edit.RecordEdit[int64, bakery]
	grouped     chan error
}

func newPair(t *testing.T, opts ...edit.Option) *pair {
	t.Helper()
	g := newGate()
	d := newDesk(t, g, append(opts, edit.Chance(half))...)
	for id := range int64(3) {
		d.put(bakery{ID: id + 1, Name: "old"})
	}
	return &pair{desk: d, gate: g, left: d.open(1), right: d.open(2), grouped: make(chan error, 1)}
}

// busy has the writer send a save that is held up.
func (p *pair) busy() *edit.Pending[int64, bakery] {
	p.tb.Helper()
	e := p.open(3)
	e.V.Name = "busy"
	s := e.SaveAsync()
	<-p.gate.arrived
	return s
}

// group saves both together.
func (p *pair) group() {
	p.tb.Helper()
	p.groupOf(p.left, p.right)
}

func (p *pair) groupOf(members ...edit.Member) {
	p.tb.Helper()
	go func() { p.grouped <- edit.Group(context.Background(), members...) }()
	synctest.Wait()
}

// release lets everything through that is sent from now on, and all that is held up.
func (p *pair) release(held bool) {
	done := make(chan struct{})
	p.tb.Cleanup(func() { close(done) })
	if held {
		p.gate.through <- struct{}{}
	}
	go func() {
		for {
			select {
			case <-p.gate.arrived:
				p.gate.through <- struct{}{}
			case <-done:
				return
			}
		}
	}()
}

// wantNone expects that the group has failed, and that nothing of it was saved.
func (p *pair) wantNone(want error) {
	p.tb.Helper()
	if err := <-p.grouped; !errors.Is(err, want) {
		p.tb.Errorf("error is %v, want %v", err, want)
	}
	if err := p.writer.Flush(context.Background()); err != nil {
		p.tb.Error(err)
	}
	for id := range int64(2) {
		if got := p.read(id + 1); got.Name == "new" {
			p.tb.Errorf("half of a group was saved: %+v", got)
		}
	}
}

// wantAll expects that all of the group was saved.
func (p *pair) wantAll() {
	p.tb.Helper()
	if err := <-p.grouped; err != nil {
		p.tb.Error(err)
	}
	for id := range int64(2) {
		if got := p.read(id + 1); got.Name != "new" {
			p.tb.Errorf("stored is %+v", got)
		}
	}
}

// refusing is a fault that refuses the operations on a row of bakeries.
func refusing(name string) func(*edit.Op) edit.Outcome {
	return func(op *edit.Op) edit.Outcome {
		if b, ok := op.Row.(*bakery); ok && b.Name == name {
			return edit.Outcome{State: edit.Failed, Err: &edit.ConstraintError{Kind: edit.ErrCheck, Fields: []string{"Name"}}}
		}
		return edit.Outcome{}
	}
}

// TestGroupOfAnOrphan: what a member refers to is not saved.
func TestGroupOfAnOrphan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		p.store.Fault = refusing("parent")
		parent := p.bakeries.New(bakery{Name: "parent"})
		child := p.products.New(product{Name: "child"})
		defer func() { _, _ = parent.Close(), child.Close() }()
		if err := child.Link(&child.V.Bakery, parent); err != nil {
			t.Fatal(err)
		}
		save := parent.SaveAsync()
		<-p.gate.arrived
		p.left.V.Name = "new"
		p.groupOf(child, p.left)
		p.release(true)
		_, err := save.Wait(context.Background())
		wantErr(t, err, edit.ErrCheck)
		p.wantNone(edit.ErrDependency)
	})
}

// TestGroupBehindAFailure: a member waits behind a save that is refused, and holds what
// is refused.
func TestGroupBehindAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		p.store.Fault = refusing("bad")
		p.left.V.Name = "bad"
		save := p.left.SaveAsync()
		<-p.gate.arrived
		p.left.V.City, p.right.V.Name = "Riga", "new"
		p.group()
		p.release(true)
		_, err := save.Wait(context.Background())
		wantErr(t, err, edit.ErrCheck)
		p.wantNone(edit.ErrCheck)
		wantErr(t, p.right.Err(), edit.ErrDependency)
	})
}

// TestGroupSharesARow: a member conflicts whose row another session saves with the
// same operation.
func TestGroupSharesARow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, told := range []bool{true, false} {
			p := newPair(t)
			p.busy()
			other := p.open(1)
			other.V.City = "Riga"
			save := other.SaveAsync()
			p.left.V.Name, p.right.V.Name = "new", "new"
			p.group()
			change := p.change
			if !told {
				change = p.changeQuietly
			}
			change(1, func(b *bakery) { b.Name = "theirs" })
			p.release(true)
			p.wantNone(edit.ErrConflict)
			_, err := save.Wait(context.Background())
			wantErr(t, err, edit.ErrDependency)
			mustSave(t, other) // alone
			if got := p.read(1); got.Name != "theirs" || got.City != "Riga" {
				t.Errorf("stored is %+v", got)
			}
		}
	})
}

// TestGroupTakesAlongWhoSharesARow: what is sent with a member ends with the group, whichever
// member comes first.
func TestGroupTakesAlongWhoSharesARow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for id := range int64(2) {
			p := newPair(t)
			why := errors.New("why")
			p.gate.Store = &told{p.store, map[int64]edit.Outcome{
				id + 1: {State: edit.Transient, Err: why}, 2 - id: {State: edit.Failed, Err: why},
			}}
			p.busy()
			other := p.open(id + 1)
			other.V.City = "Riga"
			save := other.SaveAsync()
			p.left.V.Name, p.right.V.Name = "new", "new"
			p.group()
			p.release(true)
			p.wantNone(why)
			_, err := save.Wait(context.Background())
			wantErr(t, err, edit.ErrDependency)
			mustSave(t, other) // alone
		}
	})
}

// TestGroupWithAConflictOfAnother: a save of no group conflicts that shares a row with a
// member.
func TestGroupWithAConflictOfAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		p.busy()
		other := p.open(1)
		other.V.City = "Riga"
		save := other.SaveAsync()
		p.left.V.Name, p.right.V.Name = "new", "new"
		p.group()
		p.changeQuietly(1, func(b *bakery) { b.City = "theirs" })
		p.release(true)
		p.wantAll()
		_, err := save.Wait(context.Background())
		wantErr(t, err, edit.ErrConflict)
	})
}

// TestGroupIsGivenUp: a member joins a save that has tried for longer than the rest of
// the group.
func TestGroupIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state edit.State
		opts  []edit.Option
		joins time.Duration // when the group comes
		until time.Duration // when the database is well again
		want  error
	}{
		"patience":         {edit.Unavailable, []edit.Option{edit.Patience(time.Minute)}, 50 * time.Second, 75 * time.Second, edit.ErrRetriesExhausted},
		"tries":            {edit.Transient, []edit.Option{edit.Retries(3, time.Second, 10*time.Second)}, 600 * time.Millisecond, 3 * time.Second, edit.ErrRetriesExhausted},
		"unknown outcomes": {edit.Unknown, []edit.Option{edit.Patience(time.Minute)}, 50 * time.Second, 75 * time.Second, edit.ErrOutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPair(t, c.opts...)
				p.release(false)
				var well atomic.Bool
				p.store.Fault = func(*edit.Op) edit.Outcome {
					if well.Load() {
						return edit.Outcome{}
					}
					return edit.Outcome{State: c.state, Err: errors.New("away")}
				}
				p.left.V.City = "Riga"
				p.left.SaveAsync()
				time.Sleep(c.joins)
				p.left.V.Name, p.right.V.Name = "new", "new"
				p.group()
				time.Sleep(c.until - c.joins)
				well.Store(true)
				p.wantNone(c.want)
				wantErr(t, p.right.Err(), edit.ErrDependency)
			})
		})
	}
}

// TestGroupIsNotKept: the outbox has a save, and does not take the group that joins it.
func TestGroupIsNotKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &box{}
		p := newPair(t, edit.WithOutbox(b))
		if _, err := p.writer.Replay(context.Background(), p.bakeries, p.products); err != nil {
			t.Fatal(err)
		}
		p.busy()
		other := p.open(1)
		other.V.City = "Riga"
		save := other.SaveAsync()
		<-save.Accepted()
		b.boxMu.Lock()
		b.fail = errors.New("disk full")
		b.boxMu.Unlock()
		p.right.V.Name = "new"
		p.groupOf(edit.Deleting(p.left), p.right)
		b.boxMu.Lock()
		b.fail = nil
		b.boxMu.Unlock()
		p.release(true)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, err := save.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		p.wantNone(edit.ErrOutbox)
		if got := p.read(1); got == nil || got.City != "Riga" {
			t.Errorf("stored is %+v", got)
		}
	})
}

// told is a store that tells what becomes of the first batch with a group, of which it
// does nothing.
type told struct {
	*edit.Memory
	outcomes map[int64]edit.Outcome // by the keys of rows; empty when they were told
}

func (s *told) Apply(ctx context.Context, ops []*edit.Op) []edit.Outcome {
	if ops[0].Group == 0 || len(s.outcomes) == 0 {
		return s.Memory.Apply(ctx, ops)
	}
	out := make([]edit.Outcome, len(ops))
	for i, op := range ops {
		out[i] = s.outcomes[op.Key()[0].(int64)]
	}
	s.outcomes = nil
	return out
}

// TestOutcomesOfGroups: what becomes of the members of a group need not be the same.
func TestOutcomesOfGroups(t *testing.T) {
	t.Parallel()
	why := errors.New("why")
	dependent := edit.Outcome{State: edit.Failed, Err: edit.ErrDependency}
	failed := edit.Outcome{State: edit.Failed, Err: why}
	of := func(s edit.State) edit.Outcome { return edit.Outcome{State: s, Err: why} }
	for name, c := range map[string]struct {
		left, right edit.Outcome
		want        error // nil: all is saved in the end
	}{
		"failed, and sent again":          {failed, of(edit.Transient), why},
		"failed, and locked":              {failed, of(edit.Locked), why},
		"failed, and not tried":           {failed, of(edit.Skipped), why},
		"failed, and unknown":             {failed, of(edit.Unknown), why},
		"failed, and not asked":           {failed, of(edit.Conflicting), why},
		"absent, and not reached":         {of(edit.Absent), of(edit.Unavailable), edit.ErrConflict},
		"suppressed, and sent again":      {of(edit.Suppressed), of(edit.Transient), edit.ErrSuppressed},
		"sent again, and undone for that": {of(edit.Transient), dependent, nil},
		"not asked, and undone for that":  {of(edit.Conflicting), dependent, nil},
		"locked, and undone for that":     {of(edit.Locked), dependent, nil},
		"sent again, and unknown":         {of(edit.Transient), of(edit.Unknown), nil},
		"undone, and unknown":             {dependent, of(edit.Unknown), nil},
		"not reached, and sent again":     {of(edit.Unavailable), of(edit.Transient), nil},
		"both unknown":                    {of(edit.Unknown), of(edit.Unknown), nil},
	} {
		for swapped, rows := range map[string][2]int64{"": {1, 2}, ", the other way round": {2, 1}} {
			t.Run(name+swapped, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p := newPair(t)
					p.gate.Store = &told{p.store, map[int64]edit.Outcome{rows[0]: c.left, rows[1]: c.right}}
					p.release(false)
					p.left.V.Name, p.right.V.Name = "new", "new"
					p.group()
					if c.want == nil {
						p.wantAll()
						return
					}
					p.wantNone(c.want)
				})
			})
		}
	}
}
