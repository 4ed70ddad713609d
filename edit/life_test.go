package edit_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/vantage-go/live/edit"
)

func TestCancelledBeforeSending(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, e := started(t, g)
	blocker := d.bakeries.New(bakery{})
	defer blocker.Close()
	blocker.SaveAsync()
	<-g.arrived
	e.V.Name = "kept"
	waiting := e.SaveAsync()
	e.V.Name = "withdrawn"
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := e.Save(ctx)
	wantErr(t, err, context.Canceled)
	wantModified(t, e, "name")
	g.through <- struct{}{}
	g.pass()
	mustWait(t, waiting)
	if got := d.read(1); got.Name != "kept" {
		t.Errorf("stored is %+v", got)
	}
	wantModified(t, e, "name") // is still the draft
	if e.V.Name != "withdrawn" {
		t.Errorf("V is %+v", e.V)
	}
}

func TestCancelledAfterSending(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, e := started(t, g)
	ctx, cancel := context.WithCancel(context.Background())
	e.V.Name = "x"
	go func() {
		<-g.arrived
		cancel()
	}()
	_, err := e.Save(ctx)
	wantErr(t, err, context.Canceled)
	var still *edit.StillSavingError
	if !errors.As(err, &still) {
		t.Fatalf("error is %v", err)
	}
	g.through <- struct{}{}
	<-still.Done
	wantModified(t, e)
	if d.read(1).Name != "x" {
		t.Error("not saved")
	}
}

func TestQueueLimit(t *testing.T) {
	t.Parallel()
	g := newGate()
	d := newDesk(t, g, edit.QueueLimit(1, 1<<20))
	var edits []*edit.RecordEdit[int64, bakery]
	for id := range int64(4) {
		d.put(bakery{ID: id + 1})
		e := d.open(id + 1)
		e.V.Name = "x"
		edits = append(edits, e)
	}
	edits[0].SaveAsync()
	<-g.arrived
	queued := edits[1].SaveAsync()
	_, err := edits[2].SaveAsync().Wait(context.Background())
	wantErr(t, err, edit.ErrQueueFull)
	_, err = edits[2].TrySave(context.Background())
	wantErr(t, err, edit.ErrQueueFull)
	wantModified(t, edits[2], "name")
	edits[1].V.City = "y"
	again := edits[1].SaveAsync() // joins, and needs no room

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = edits[3].Save(ctx)
	wantErr(t, err, context.Canceled)

	saved := make(chan error)
	go func() {
		_, err := edits[2].Save(context.Background())
		saved <- err
	}()
	g.through <- struct{}{}
	g.pass()
	g.pass()
	if err := <-saved; err != nil {
		t.Error(err)
	}
	mustWait(t, queued)
	mustWait(t, again)
}

func TestFlushWaitsForEarlierSavesOnly(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, e := started(t, g)
	e.V.Name = "x"
	p := e.SaveAsync()
	<-g.arrived
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	wantErr(t, d.writer.Flush(ctx), context.Canceled)
	flushed := make(chan error)
	go func() { flushed <- d.bakeries.Flush(context.Background()) }()
	g.through <- struct{}{}
	if err := <-flushed; err != nil {
		t.Error(err)
	}
	mustWait(t, p)
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	e.V.Name = "x"
	p := e.SaveAsync()
	if err := d.writer.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	mustWait(t, p)
	e.V.Name = "y"
	_, err := e.Save(context.Background())
	wantErr(t, err, edit.ErrClosed)
	wantModified(t, e, "name")
	_, err = d.bakeries.Edit(context.Background(), 1)
	wantErr(t, err, edit.ErrClosed)
	late := d.bakeries.New(bakery{Name: "x"})
	_, err = late.Save(context.Background())
	wantErr(t, err, edit.ErrClosed)
}

func TestShutdownReturnsWhatIsLeft(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, e := started(t, g)
	n := d.bakeries.New(bakery{Name: "new"})
	defer n.Close()
	e.V.Name = "under way"
	first := e.SaveAsync()
	<-g.arrived
	second := n.SaveAsync()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := d.writer.Shutdown(ctx)
	wantErr(t, err, context.Canceled)
	var u *edit.UnflushedError
	if !errors.As(err, &u) || len(u.Ops) != 2 {
		t.Fatalf("error is %+v", err)
	}
	names := map[any]bool{u.Ops[0].Values["name"]: true, u.Ops[1].Values["name"]: true}
	if !names["under way"] || !names["new"] {
		t.Errorf("left are %+v", u.Ops)
	}
	for _, p := range []*edit.Pending[int64, bakery]{first, second} {
		_, err := p.Wait(context.Background())
		wantErr(t, err, edit.ErrClosed)
	}
	wantModified(t, e, "name")
}

func TestLostSession(t *testing.T) {
	t.Parallel()
	d, e := started(t, nil)
	_ = e
	func() {
		lost, err := d.bakeries.Edit(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		lost.V.Name = "never saved"
	}()
	waitFor(t, func() bool {
		collect()
		return d.writer.Stats().Leaked == 1
	})
	if d.store.Batches() != 0 {
		t.Error("a lost session was saved")
	}
	wantModified(t, e)
}

func TestObserver(t *testing.T) {
	t.Parallel()
	var events []edit.Event
	d, e := started(t, nil, edit.Observe(func(ev edit.Event) { events = append(events, ev) }))
	e.V.Name = "x"
	mustSave(t, e)
	if err := d.writer.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(events) != 1 || events[0].Key != int64(1) || events[0].Kind != edit.Update || events[0].State != edit.Done || events[0].Table != "bakery" {
		t.Errorf("events are %+v", events)
	}
}

func TestLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil, edit.Linger(2*time.Millisecond))
		for id := range int64(5) {
			d.put(bakery{ID: id + 1})
			e := d.open(id + 1)
			e.V.Name = "x"
			e.SaveAsync()
		}
		if err := d.writer.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		if n := d.store.Batches(); n != 1 {
			t.Errorf("%d batches", n)
		}
	})
}

// TestSessionsLeaveNothing opens many sessions, saves in some, and closes all.
func TestSessionsLeaveNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	for id := range int64(100) {
		d.put(bakery{ID: id + 1})
	}
	for i := range int64(20_000) {
		e := d.open(i%100 + 1)
		switch i % 20 {
		case 0:
			e.V.Stock++
			e.SaveAsync()
		case 1:
			e.V.Stock++ // is dropped
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.writer.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return d.writer.Stats().Records == 0 })
	if s := d.writer.Stats(); s.Queued != 0 || s.InFlight != 0 || s.QueuedBytes != 0 || s.Leaked != 0 || s.Accepted != s.Done {
		t.Errorf("stats are %+v", s)
	}
	sum := 0
	for id := range int64(100) {
		sum += d.read(id + 1).Stock
	}
	if sum != 1000 {
		t.Errorf("%d in stock after 1000 saves", sum)
	}
}

// reports counts what is logged.
type reports struct {
	slog.Handler
	n atomic.Int64
}

func (r *reports) Enabled(context.Context, slog.Level) bool { return true }

func (r *reports) Handle(context.Context, slog.Record) error {
	r.n.Add(1)
	return nil
}

// TestLostSessionsLeaveNothing opens many sessions, of which every tenth is lost
// with changes: that is reported, and no more. LIVESQL_LONG opens a million.
func TestLostSessionsLeaveNothing(t *testing.T) {
	t.Parallel()
	count := int64(100_000)
	if os.Getenv("LIVESQL_LONG") != "" {
		count = 1_000_000
	}
	told := &reports{Handler: slog.DiscardHandler}
	d := newDesk(t, nil, edit.Log(slog.New(told)))
	for id := range int64(100) {
		d.put(bakery{ID: id + 1})
	}
	var lost []weak.Pointer[edit.RecordEdit[int64, bakery]]
	saved := uint64(0)
	began := time.Now()
	for i := range count {
		var e *edit.RecordEdit[int64, bakery]
		var err error
		if isNew := i%30 == 10; isNew {
			e = d.bakeries.New(bakery{Name: "lost"})
		} else if e, err = d.bakeries.Edit(context.Background(), i%100+1); err != nil {
			t.Fatal(err)
		}
		switch i % 20 {
		case 0, 10:
			e.V.City = "lost"
			lost = append(lost, weak.Make(e))
			continue
		case 1:
			e.V.Stock++
			e.SaveAsync()
			saved++
		case 2:
			e.V.Stock++ // is dropped
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	opened := time.Since(began)
	if err := d.writer.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		collect()
		s := d.writer.Stats()
		return s.Leaked == uint64(len(lost)) && s.Records == 0 && told.n.Load() == int64(len(lost))
	})
	for _, p := range lost {
		if p.Value() != nil {
			t.Fatal("a lost session is still there")
		}
	}
	if err := d.writer.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	s := d.writer.Stats()
	if s.Accepted != saved || s.Done != saved || s.Queued != 0 || s.InFlight != 0 || s.QueuedBytes != 0 {
		t.Errorf("stats are %+v after %d saves", s, saved)
	}
	sum := uint64(0)
	for id := range int64(200) {
		if b := d.read(id + 1); b != nil {
			sum += uint64(b.Stock)
			if b.City == "lost" || b.Name == "lost" {
				t.Errorf("a lost session was saved: %+v", b)
			}
		}
	}
	if sum != saved {
		t.Errorf("%d in stock after %d saves", sum, saved)
	}
	t.Logf("%d sessions in %v, %d of them lost, all %d reported", count, opened, len(lost), told.n.Load())
}
