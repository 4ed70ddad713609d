package edit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vantage-go/live/edit"
)

// TestRetries looks at the pauses.
func TestRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, e := started(t, nil, edit.Chance(half), edit.Retries(5, 100*time.Millisecond, 300*time.Millisecond))
		began := time.Now()
		var at []time.Duration
		d.store.Fault = func(*edit.Op) edit.Outcome {
			at = append(at, time.Since(began))
			return edit.Outcome{State: edit.Transient, Err: errors.New("deadlock")}
		}
		e.V.Name = "x"
		_, err := e.Save(context.Background())
		wantErr(t, err, edit.ErrRetriesExhausted)
		ms := time.Millisecond
		if want := []time.Duration{0, 50 * ms, 150 * ms, 300 * ms, 450 * ms}; !slices.Equal(at, want) {
			t.Errorf("sent at %v, want %v", at, want)
		}
		wantModified(t, e, "name")
	})
}

// TestSaveWhileRetrying joins what waits for its next attempt.
func TestSaveWhileRetrying(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, e := started(t, nil, edit.Chance(half))
		sends := 0
		d.store.Fault = func(*edit.Op) edit.Outcome {
			if sends++; sends == 1 {
				return edit.Outcome{State: edit.Transient}
			}
			return edit.Outcome{}
		}
		e.V.Name = "x"
		first := e.SaveAsync()
		synctest.Wait()
		e.V.City = "y"
		second := e.SaveAsync()
		mustWait(t, first)
		mustWait(t, second)
		if got := d.read(1); sends != 2 || got.Name != "x" || got.City != "y" || got.Version != 2 {
			t.Errorf("%d sent, stored %+v", sends, got)
		}
	})
}

// TestSavesWhileRetrying: all that have gathered behind an operation that is sent again
// end with it, and count against the bytes of the queue as long as they are kept.
func TestSavesWhileRetrying(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, e := started(t, g, edit.Retries(5, time.Millisecond, time.Millisecond))
	sends := 0
	d.store.Fault = func(*edit.Op) edit.Outcome {
		if sends++; sends == 1 {
			return edit.Outcome{State: edit.Transient}
		}
		return edit.Outcome{}
	}
	var saves []*edit.Pending[int64, bakery]
	queued := 0
	for i := range 4 {
		e.V.City = fmt.Sprint("city ", i)
		saves = append(saves, e.SaveAsync())
		if i == 0 {
			<-g.arrived
			continue
		}
		if got := d.writer.Stats().QueuedBytes; got <= queued {
			t.Errorf("%d bytes are queued after %d saves, and %d before", got, i, queued)
		} else {
			queued = got
		}
	}
	g.through <- struct{}{}
	g.pass()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i, p := range saves {
		if _, err := p.Wait(ctx); err != nil {
			t.Errorf("save %d: %v", i, err)
		}
	}
	if got := d.writer.Stats(); got.Queued != 0 || got.QueuedBytes != 0 || got.Done != 4 {
		t.Errorf("%+v", got)
	}
}

// TestOutage: while the database is away one operation probes for it, nothing
// is lost, and nothing counts against the tries.
func TestOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil, edit.Chance(half), edit.Patience(time.Hour))
		var away atomic.Bool
		away.Store(true)
		d.store.Fault = func(*edit.Op) edit.Outcome {
			if away.Load() {
				return edit.Outcome{State: edit.Unavailable, Err: errors.New("refused")}
			}
			return edit.Outcome{}
		}
		var saves []*edit.Pending[int64, bakery]
		for id := range int64(20) {
			d.put(bakery{ID: id + 1})
			e := d.open(id + 1)
			e.V.Name = "x"
			saves = append(saves, e.SaveAsync())
		}
		time.Sleep(10 * time.Minute)
		if s := d.writer.Stats(); s.Done != 0 || s.Failed != 0 || s.Away == 0 || s.Sent > 400 {
			t.Errorf("stats are %+v", s)
		}
		away.Store(false)
		for _, p := range saves {
			mustWait(t, p)
		}
		if s := d.writer.Stats(); s.Away != 0 {
			t.Errorf("stats are %+v", s)
		}
	})
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, e := started(t, nil, edit.Patience(time.Minute))
		d.store.Fault = func(*edit.Op) edit.Outcome { return edit.Outcome{State: edit.Unavailable} }
		e.V.Name = "x"
		began := time.Now()
		_, err := e.Save(context.Background())
		wantErr(t, err, edit.ErrRetriesExhausted)
		if took := time.Since(began); took < time.Minute || took > 2*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

// TestLockedRow: a row that another transaction holds for a minute delays
// nobody else.
func TestLockedRow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil)
		began := time.Now()
		d.store.Fault = func(op *edit.Op) edit.Outcome {
			if op.Key()[0] == int64(1) && time.Since(began) < time.Minute {
				return edit.Outcome{State: edit.Locked}
			}
			return edit.Outcome{}
		}
		var locked *edit.Pending[int64, bakery]
		for id := range int64(10) {
			d.put(bakery{ID: id + 1})
			e := d.open(id + 1)
			e.V.Name = "x"
			p := e.SaveAsync()
			if id == 0 {
				locked = p
				continue
			}
			mustWait(t, p)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("others took %v", took)
		}
		if s := d.writer.Stats(); s.Slow != 1 {
			t.Errorf("stats are %+v", s)
		}
		mustWait(t, locked)
		if took := time.Since(began); took < time.Minute || took > 70*time.Second {
			t.Errorf("the locked one took %v", took)
		}
	})
}

// TestUnknownOutcome: the connection is lost, and nobody knows whether the
// save was done.
func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		done    bool          // before the connection was lost
		foreign func(*bakery) // what another program does then
		err     error
		name    string
		version int64
	}{
		"done":                 {done: true, name: "x", version: 2},
		"not done":             {name: "x", version: 2},
		"done, then changed":   {done: true, foreign: func(b *bakery) { b.City = "y" }, name: "x", version: 3},
		"changed instead":      {foreign: func(b *bakery) { b.City = "y" }, name: "x", version: 3},
		"changed the same":     {foreign: func(b *bakery) { b.Name = "y" }, err: edit.ErrConflict, name: "y", version: 2},
		"changed to the same":  {foreign: func(b *bakery) { b.Name = "x" }, name: "x", version: 2},
		"done, then overwrite": {done: true, foreign: func(b *bakery) { b.Name = "y" }, err: edit.ErrConflict, name: "y", version: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, e := started(t, nil, edit.Retries(3, time.Microsecond, time.Microsecond))
			lost := errors.New("connection lost")
			sends := 0
			d.store.Fault = func(*edit.Op) edit.Outcome {
				if sends++; sends > 1 {
					return edit.Outcome{}
				}
				if c.done {
					return edit.Outcome{State: edit.Unknown}
				}
				return edit.Outcome{State: edit.Unknown, Err: lost}
			}
			store := &meddler{Store: d.store, after: func() {
				if c.foreign != nil {
					d.changeQuietly(1, c.foreign)
				}
			}}
			w := edit.NewWriter(store, edit.Retries(3, time.Microsecond, time.Microsecond))
			defer w.Close()
			bakeries := editorOf[bakery](t, w, "bakery")
			_ = e.Close()
			e, err := bakeries.Edit(context.Background(), 1)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			e.V.Name = "x"
			_, err = e.Save(context.Background())
			wantErr(t, err, c.err)
			if got := d.read(1); got.Name != c.name || got.Version != c.version {
				t.Errorf("stored is %+v", got)
			}
		})
	}
}

// meddler does something after the first batch.
type meddler struct {
	edit.Store
	once  sync.Once
	after func()
}

func (m *meddler) Apply(ctx context.Context, ops []*edit.Op) []edit.Outcome {
	o := m.Store.Apply(ctx, ops)
	m.once.Do(m.after)
	return o
}

func TestUnknownInsert(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil, edit.Retries(3, time.Microsecond, time.Microsecond))
	sends := 0
	d.store.Fault = func(*edit.Op) edit.Outcome {
		if sends++; sends == 1 || sends == 2 {
			return edit.Outcome{State: edit.Unknown}
		}
		return edit.Outcome{}
	}
	own := d.bakeries.New(bakery{ID: 7, Name: "with a key"})
	defer own.Close()
	if r := mustSave(t, own); r.Kind != edit.Created || r.ID != 7 {
		t.Errorf("result is %+v", r)
	}
	numbered := d.bakeries.New(bakery{Name: "without"})
	defer numbered.Close()
	_, err := numbered.Save(context.Background())
	wantErr(t, err, edit.ErrOutcomeUnknown)
	if sends != 2 {
		t.Errorf("%d were sent", sends)
	}
}

// TestUnknownSteps: whether a counter was counted cannot be told from its value
// once it has moved, since the steps of others look the same.
func TestUnknownSteps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		done    bool
		foreign int
		err     error
		stock   int
	}{
		"not done":             {stock: 11},
		"done":                 {done: true, err: edit.ErrOutcomeUnknown, stock: 11},
		"counted by others":    {foreign: 1, err: edit.ErrOutcomeUnknown, stock: 11},
		"done, and by others":  {done: true, foreign: 1, err: edit.ErrOutcomeUnknown, stock: 12},
		"done, and taken back": {done: true, foreign: -1, err: edit.ErrOutcomeUnknown, stock: 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			d.put(bakery{ID: 1, Stock: 10})
			sends := 0
			d.store.Fault = func(*edit.Op) edit.Outcome {
				if sends++; sends > 1 {
					return edit.Outcome{}
				}
				if c.done {
					return edit.Outcome{State: edit.Unknown}
				}
				return edit.Outcome{State: edit.Unknown, Err: errors.New("connection lost")}
			}
			store := &meddler{Store: d.store, after: func() {
				if c.foreign != 0 {
					d.changeQuietly(1, func(b *bakery) { b.Stock += c.foreign })
				}
			}}
			w := edit.NewWriter(store, edit.Retries(3, time.Microsecond, time.Microsecond))
			defer w.Close()
			e, err := editorOf[bakery](t, w, "bakery").Edit(context.Background(), 1)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			e.V.Stock++
			_, err = e.Save(context.Background())
			wantErr(t, err, c.err)
			if got := d.read(1); got.Stock != c.stock {
				t.Errorf("stored is %+v", got)
			}
		})
	}
}

// TestRefusedBesideOneThatIsSentAgain: of two sessions on one record, that which
// conflicts with what others have written ends then, whatever becomes of the other.
func TestRefusedBesideOneThatIsSentAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil, edit.Linger(20*time.Millisecond), edit.Retries(5, time.Millisecond, time.Millisecond))
	d.put(bakery{ID: 1, Name: "Rye", City: "Riga"})
	a, b := d.open(1), d.open(1)
	ended, sent := make(chan struct{}), 0
	d.store.Fault = func(op *edit.Op) edit.Outcome {
		switch sent++; sent {
		case 1:
			current := *d.store.Peek(op.Table, int64(1)).(*bakery)
			op.Rebase(&current)
			return edit.Outcome{State: edit.Transient, Err: errors.New("deadlock")}
		case 2:
			select {
			case <-ended:
			case <-time.After(patience):
				t.Error("the save that was refused has not ended")
			}
		}
		return edit.Outcome{}
	}
	d.changeQuietly(1, func(b *bakery) { b.Name = "theirs" })
	a.V.Name, b.V.City = "mine", "Oslo"
	p, q := a.SaveAsync(), b.SaveAsync()
	_, err := p.Wait(context.Background())
	wantErr(t, err, edit.ErrConflict)
	close(ended)
	mustWait(t, q)
	if got := d.read(1); got.Name != "theirs" || got.City != "Oslo" {
		t.Errorf("%+v", got)
	}
}
