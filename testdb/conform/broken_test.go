package conform

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/vantage-go/live/listen"
)

// pollFunc polls r in a wrong way.
type pollFunc func(ctx context.Context, r listen.Reader, since listen.Cursor) (listen.Delta, error)

// flaw is something that is wrong with a source.
type flaw struct {
	name string
	// poll makes the wrong poll of one new source.
	poll func() pollFunc
	// caught are the checks that find it.
	caught []string
}

// edit is a flaw that changes what polls say which had a cursor.
func edit(change func(d *listen.Delta)) func() pollFunc {
	return func() pollFunc {
		return func(ctx context.Context, r listen.Reader, since listen.Cursor) (listen.Delta, error) {
			d, err := r.Poll(ctx, since)
			if err == nil && since != nil {
				d.Changes = slices.Clone(d.Changes)
				change(&d)
			}
			return d, err
		}
	}
}

// drop is a flaw that leaves changes out.
func drop(which func(c listen.Change) bool) func() pollFunc {
	return edit(func(d *listen.Delta) { d.Changes = slices.DeleteFunc(d.Changes, which) })
}

// rekey is a flaw that tells other keys.
func rekey(change func(key any) any) func() pollFunc {
	return edit(func(d *listen.Delta) {
		for i := range d.Changes {
			if d.Changes[i].Key != nil {
				d.Changes[i].Key = change(d.Changes[i].Key)
			}
		}
	})
}

var flaws = []flaw{
	{"drops every 50th change", dropEvery50th, []string{"first poll after the commit"}},
	{"tells one poll late", late, []string{"first poll after the commit", "insert, update, delete"}},
	{"tells twice", twice, []string{"empty polls"}},
	{"loses resets", edit(func(d *listen.Delta) { d.Reset = "" }), []string{"pruned log", "altered table", "lost trigger", "swapped table"}},
	{"loses resets and marks", edit(func(d *listen.Delta) {
		d.Reset = ""
		d.Changes = slices.DeleteFunc(d.Changes, func(c listen.Change) bool { return c.Op == listen.Whole })
	}), []string{"put back trigger", "no key"}},
	{"has no first reset", noFirstReset, []string{"first poll is a reset", "empty polls"}},
	{"ignores that there is no cursor", keepsCursor, []string{"nil cursor starts afresh"}},
	{"starts afresh on a new connection", forgetsCursor, []string{"new connection"}},
	{"has no cursor on empty polls", edit(func(d *listen.Delta) {
		if len(d.Changes) == 0 {
			d.Cursor = nil
		}
	}), []string{"empty polls"}},
	{"tells a wrong key", rekey(func(key any) any {
		if id, ok := key.(int64); ok {
			return id + 1
		}
		return key
	}), []string{"insert, update, delete", "many rows", "savepoint"}},
	{"tells keys as text", rekey(func(key any) any { return fmt.Sprint(key) }), []string{"insert, update, delete", "composite key"}},
	{"tells keys of a foreign type", rekey(func(key any) any {
		if id, ok := key.(int64); ok {
			return int32(id) //nolint:gosec // that is what is wrong with it
		}
		return key
	}), []string{"insert, update, delete"}},
	{"tells texts as bytes", rekey(func(key any) any {
		if text, ok := key.(string); ok {
			return []byte(text)
		}
		return key
	}), []string{"text key"}},
	{"turns composite keys round", rekey(func(key any) any {
		if parts, ok := key.([]any); ok {
			parts = slices.Clone(parts)
			slices.Reverse(parts)
			return parts
		}
		return key
	}), []string{"composite key"}},
	{"forgets the old key", edit(func(d *listen.Delta) {
		if slices.ContainsFunc(d.Changes, func(c listen.Change) bool { return c.Op == listen.Update }) {
			d.Changes = slices.DeleteFunc(d.Changes, func(c listen.Change) bool { return c.Op == listen.Delete })
		}
	}), []string{"changed key"}},
	{"calls everything an update", edit(func(d *listen.Delta) {
		for i, c := range d.Changes {
			if c.Key != nil {
				d.Changes[i].Op = listen.Update
			}
		}
	}), []string{"insert, update, delete"}},
	{"tells of tables without their schema", edit(func(d *listen.Delta) {
		for i := range d.Changes {
			d.Changes[i].Table.Schema = ""
		}
	}), []string{"insert, update, delete"}},
	{"tells marks only", edit(func(d *listen.Delta) {
		for i := range d.Changes {
			d.Changes[i].Op, d.Changes[i].Key = listen.Whole, nil
		}
	}), []string{"insert, update, delete", "many rows", "upsert"}},
	{"cuts long deltas off", edit(func(d *listen.Delta) { d.Changes = d.Changes[:min(len(d.Changes), 200)] }), []string{"many rows"}},
	{"knows no marks", drop(func(c listen.Change) bool { return c.Op == listen.Whole }), []string{"no key"}},
	{"does not see cascades", drop(func(c listen.Change) bool { return c.Table.Name == "child" }), []string{"cascade"}},
	{"does not see upserts of old rows", drop(func(c listen.Change) bool { return c.Op == listen.Update }), []string{"upsert"}},
	{"tells one table of a transaction", edit(func(d *listen.Delta) {
		d.Changes = slices.DeleteFunc(d.Changes, func(c listen.Change) bool { return c.Table != d.Changes[0].Table })
	}), []string{"several tables in one transaction"}},
	{"marks what nobody touched", edit(func(d *listen.Delta) {
		if len(d.Changes) > 0 {
			other := d.Changes[0]
			other.Table.Name, other.Op, other.Key = "pile", listen.Whole, nil
			d.Changes = append(d.Changes, other)
		}
	}), []string{"cascade", "insert, update, delete"}},
	{"stops looking at capture", stopsChecking, []string{"capture is looked at"}},
	{"does not look at capture on a new connection", edit(func(d *listen.Delta) { d.Unchecked = true }), []string{"new connection", "capture is looked at"}},
	{"ignores that its context has ended", func() pollFunc {
		return func(ctx context.Context, r listen.Reader, since listen.Cursor) (listen.Delta, error) {
			return r.Poll(context.WithoutCancel(ctx), since)
		}
	}, []string{"context ends"}},
}

func dropEvery50th() pollFunc {
	n := 0
	return edit(func(d *listen.Delta) {
		d.Changes = slices.DeleteFunc(d.Changes, func(listen.Change) bool { n++; return n%50 == 0 })
	})()
}

func late() pollFunc {
	var held []listen.Change
	return edit(func(d *listen.Delta) { d.Changes, held = held, d.Changes })()
}

func twice() pollFunc {
	var last []listen.Change
	return edit(func(d *listen.Delta) {
		now := d.Changes
		d.Changes = append(slices.Clone(last), now...)
		last = now
	})()
}

func noFirstReset() pollFunc {
	return func(ctx context.Context, r listen.Reader, since listen.Cursor) (listen.Delta, error) {
		d, err := r.Poll(ctx, since)
		if since == nil {
			d.Reset = ""
		}
		return d, err
	}
}

func keepsCursor() pollFunc {
	var last listen.Cursor
	return func(ctx context.Context, r listen.Reader, since listen.Cursor) (listen.Delta, error) {
		if since == nil {
			since = last
		}
		d, err := r.Poll(ctx, since)
		last = d.Cursor
		return d, err
	}
}

func forgetsCursor() pollFunc {
	var last listen.Reader
	return func(ctx context.Context, r listen.Reader, since listen.Cursor) (listen.Delta, error) {
		if r != last {
			since, last = nil, r
		}
		return r.Poll(ctx, since)
	}
}

func stopsChecking() pollFunc {
	polls := 0
	return func(ctx context.Context, r listen.Reader, since listen.Cursor) (listen.Delta, error) {
		d, err := r.Poll(ctx, since)
		polls++
		d.Unchecked = polls > 1
		return d, err
	}
}

// brokenSource polls in a wrong way.
type brokenSource struct {
	listen.Source
	poll pollFunc
}

type brokenReader struct {
	listen.Reader
	poll pollFunc
}

func (s brokenSource) Connect(ctx context.Context) (listen.Reader, error) {
	r, err := s.Source.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return brokenReader{r, s.poll}, nil
}

func (r brokenReader) Poll(ctx context.Context, since listen.Cursor) (listen.Delta, error) {
	return r.poll(ctx, r.Reader, since)
}

// withSources returns e with other sources in place of its own.
func withSources(e Engine, wrap func(listen.Source) listen.Source) Engine {
	open := e.Open
	e.Open = func(tb testing.TB) *Database {
		tb.Helper()
		db := open(tb)
		source := db.Source
		db.Source = func() listen.Source { return wrap(source()) }
		return db
	}
	return e
}

func withFlaw(e Engine, poll func() pollFunc) Engine {
	return withSources(e, func(s listen.Source) listen.Source { return brokenSource{s, poll()} })
}

// Each flaw is caught by each of its checks.
func TestFlawsAreCaught(t *testing.T) {
	t.Parallel()
	for _, f := range flaws {
		e := withFlaw(sqliteEngine(nil), f.poll)
		for _, name := range f.caught {
			t.Run(f.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				complaints := runCheck(t, &e, name)
				if len(complaints) == 0 {
					t.Errorf("a source that %s passes the check %q", f.name, name)
				}
				t.Log(complaints)
			})
		}
	}
}

// Without a flaw, the same checks do not complain: the wrapper is not what
// they find.
func TestNoFlaw(t *testing.T) {
	t.Parallel()
	e := withFlaw(sqliteEngine(nil), edit(func(*listen.Delta) {}))
	for _, f := range flaws {
		for _, name := range f.caught {
			if complaints := runCheck(t, &e, name); len(complaints) > 0 {
				t.Errorf("%s: %q", name, complaints)
			}
		}
	}
}

// A source that tells each change to one of its readers alone.
func TestSharedCursorIsCaught(t *testing.T) {
	t.Parallel()
	var toldMu sync.Mutex
	toldOf := make(map[string]bool)
	e := withFlaw(sqliteEngine(nil), drop(func(c listen.Change) bool {
		toldMu.Lock()
		defer toldMu.Unlock()
		key := keyText(c.Key)
		defer func() { toldOf[key] = true }()
		return toldOf[key]
	}))
	wantComplaint(t, runCheck(t, &e, "two readers"), "after five")
}

// A reader that cannot be closed.
func TestDeafReaderIsCaught(t *testing.T) {
	t.Parallel()
	e := withSources(sqliteEngine(nil), func(s listen.Source) listen.Source { return deafSource{s} })
	wantComplaint(t, runCheck(t, &e, "closed while polling"), "go on after Close")
}

type deafSource struct{ listen.Source }

type deafReader struct{ listen.Reader }

func (s deafSource) Connect(ctx context.Context) (listen.Reader, error) {
	r, err := s.Source.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return deafReader{r}, nil
}

// Close leaves the connection to its pool.
func (deafReader) Close() error { return nil }

// An engine that is not described in full is refused, so that nothing is left
// out by an oversight.
func TestIncompleteEngineIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want   string
		change func(e *Engine)
	}{
		{"Upsert", func(e *Engine) { e.Upsert = "" }},
		{"Uncover", func(e *Engine) { e.Uncover = nil }},
		{"cap", func(e *Engine) { delete(e.Lacks, Capped) }},
		{"truncate", func(e *Engine) { e.Truncate = "TRUNCATE scratch" }},
		{"does not say why", func(e *Engine) { e.Lacks[Freezing] = "" }},
		{"not complete", func(e *Engine) { delete(e.Lacks, Freezing) }},
	} {
		e := sqliteEngine(nil)
		c.change(&e)
		wantComplaint(t, record(t, func(tb testing.TB) {
			tb.Helper()
			e.open(tb)
		}), c.want)
	}
}
