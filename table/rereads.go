package table

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// rereads reads the rows of a table that have changed, once for all parties on a
// [Database] that need them: its live tables, and the sieve of its queries.
//
//	round of a party ─ keys, position, mark ─→ sweep ─ a reading, of moment R ─┬→ what has changed since the mark
//	                                                                            └→ rows, of which each party takes its own
//
// Each party goes from one moment to the next as round.go says, on its own, and at
// its own pace. It does not matter who has asked for a reading; what a party that
// shows moment Q needs for its round is that
//
//   - the reading was opened after everything was told that the round is about, so
//     that R is not before it; that nothing else was told up to the position of the
//     round, tells that the table was the same;
//   - it has read all rows of the round, and what was told between a mark that is
//     not behind that position and R;
//   - it was opened after the reading of which Q is was over, so that Q is not
//     behind R.
//
// So the first party that hears of a change opens a sweep for all, and the others
// find what they need in it. Whoever comes when it is under way and cannot use it
// waits for the next one, with all others who do: however many parties there are,
// and however often rows change, there is one reading at a time. What became of a
// sweep is there until all have had it, or there is another one. A party that is
// slow, or closed, keeps nobody waiting.
//
// A party judges by itself which rows are its own, or has the database judge in the
// same statement. It reads for itself, as if there was no other, when it is the only
// one, when its keys are not those of the table, when of a row only the database can
// judge where that was not expected, and for a while when what it asks makes the
// database refuse the statement. So it does where readings cannot tell what has
// changed: then it waits for the feed while it reads, see [reader.readAsked].
type rereads struct {
	db    *Database
	table dialects.Table
	key   []string // columns
	users int      // under the rereadsMu of the database

	ctx     context.Context //nolint:containedctx // their own life, which the last party ends
	cancel  context.CancelFunc
	running sync.WaitGroup

	// What is known of the columns; belongs to the sweep.
	ground  *ground
	version uint64 // of the catalogue

	// sweepsMu guards everything below, and in seats what is said there.
	sweepsMu sync.Mutex
	seats    map[*seat]struct{}
	came     uint64 // seats so far
	opened   uint64 // sweeps so far
	current  *sweep // the last of them, nil if nobody needs it any more
	sweeping bool   // it is under way
	next     *sweep // it is asked for
	refusals int    // in a row
	apart    time.Time
}

// party is one that needs the rows of a table that have changed.
type party interface {
	// opens is called before a sweep is opened.
	opens() taker
	// worth is how many rows can be read before there are better ways.
	worth() int
}

// taker takes what a sweep has read for a party.
type taker interface {
	// needs calls add for the columns that have to be read, and returns a condition
	// of which the database has to tell whether rows meet it, nil for none.
	needs(ground func() *ground, add func(column string)) *where
	// take takes a row that meets the condition, if there is one.
	take(row *rawRow)
}

// seat is the place of a party. Its methods are called by that party.
type seat struct {
	rereads *rereads
	party   party
	number  uint64 // in the order in which they came

	// Under sweepsMu.
	from    uint64    // the first sweep that is newer than what the party shows
	refused bool      // the sweep that it had last was
	alone   time.Time // until then it reads for itself
}

// sweep is a reading for all.
type sweep struct {
	number uint64
	// It is opened after everything up to high was told, and tells what has changed
	// since the mark, which is not behind low.
	low, high Position
	mark      any
	keys      map[told]struct{} // that were asked for
	takers    map[*seat]taker
	needed    map[*seat]struct{} // who may ask for it yet; under sweepsMu

	done chan struct{}
	// When it is done:
	delta   listen.Delta
	many    bool // too many rows have changed
	refused bool // by the database, because of what somebody asks
	err     error
}

// asked is what a party needs for a round.
type asked struct {
	keys     map[told]struct{}
	position Position
	told     Position // of the round
	mark     any
	fresh    bool // what was read before is not good enough
}

// errAlone tells a party that it has to read for itself.
var errAlone = errors.New("table: rows cannot be read together with others")

// octets are bytes in a [told].
type octets string

// plainKey makes a key of the values of its columns, of which there is one way to
// say each.
func plainKey(columns ...any) (t told, ok bool) {
	if len(columns) > len(t) {
		return t, false
	}
	for i, c := range columns {
		switch v := c.(type) {
		case int64, string, bool:
			t[i] = v
		case uint64:
			if t[i] = v; v < 1<<63 {
				t[i] = int64(v)
			}
		case []byte:
			t[i] = octets(v)
		default:
			return t, false
		}
	}
	return t, len(columns) > 0
}

// joinRereads takes a seat among those who read a table, whose key has these
// columns; nil if the others know another key.
func (d *Database) joinRereads(t dialects.Table, key []string, p party) *seat {
	if len(key) == 0 || len(key) > len(told{}) || !d.asks() {
		return nil
	}
	d.rereadsMu.Lock()
	defer d.rereadsMu.Unlock()
	g := d.rereads[t]
	switch {
	case g == nil:
		g = &rereads{db: d, table: t, key: key, seats: map[*seat]struct{}{}}
		g.ctx, g.cancel = context.WithCancel(context.Background())
		if d.rereads == nil {
			d.rereads = make(map[dialects.Table]*rereads)
		}
		d.rereads[t] = g
	case !slices.Equal(g.key, key):
		return nil
	}
	g.users++
	g.sweepsMu.Lock()
	defer g.sweepsMu.Unlock()
	g.came++
	s := &seat{rereads: g, party: p, number: g.came, from: g.opened + 1}
	g.seats[s] = struct{}{}
	return s
}

// leave gives a seat back, if there is one. The last one ends what is under way.
func (s *seat) leave() {
	if s == nil {
		return
	}
	g := s.rereads
	g.sweepsMu.Lock()
	delete(g.seats, s)
	g.forget(s)
	g.sweepsMu.Unlock()
	g.db.rereadsMu.Lock()
	g.users--
	last := g.users == 0
	if last {
		delete(g.db.rereads, g.table)
	}
	g.db.rereadsMu.Unlock()
	if last {
		g.cancel()
		g.running.Wait()
	}
}

// joins reports whether the party reads with others at present.
func (s *seat) joins() bool {
	if s == nil {
		return false
	}
	s.rereads.sweepsMu.Lock()
	defer s.rereads.sweepsMu.Unlock()
	return s.rereads.together(s, time.Now())
}

// together reports whether a party reads with others. It is called under sweepsMu.
func (g *rereads) together(s *seat, now time.Time) bool {
	if _, there := g.seats[s]; !there || now.Before(s.alone) || now.Before(g.apart) {
		return false
	}
	for other := range g.seats {
		if other != s && !now.Before(other.alone) {
			return true
		}
	}
	return false
}

// worth adds to what rows are worth to a party what they are to the others with
// whom it reads them.
func (s *seat) worth(own int) int {
	if s == nil {
		return own
	}
	g := s.rereads
	g.sweepsMu.Lock()
	defer g.sweepsMu.Unlock()
	if !g.together(s, time.Now()) {
		return own
	}
	return g.worth()
}

// worth is that of all. It is called under sweepsMu.
func (g *rereads) worth() (sum int) {
	for s := range g.seats {
		sum += s.party.worth()
	}
	return sum
}

// hasRead notes that the party has read for itself.
func (s *seat) hasRead() {
	if s == nil {
		return
	}
	s.rereads.sweepsMu.Lock()
	defer s.rereads.sweepsMu.Unlock()
	s.past(s.rereads.opened)
}

// past notes that the party needs no sweep up to that number. It is called under
// sweepsMu.
func (s *seat) past(number uint64) {
	if s.from = max(s.from, number+1); s.rereads.current != nil && s.rereads.current.number < s.from {
		s.rereads.forget(s)
	}
}

// forget is called when a party does not need the last sweep. It is called under
// sweepsMu.
func (g *rereads) forget(s *seat) {
	if g.current == nil {
		return
	}
	delete(g.current.needed, s)
	if len(g.current.needed) == 0 && !g.sweeping {
		g.current = nil
	}
}

// read returns what became of the rows of a round, and of those that the same
// transactions have changed.
func (s *seat) read(ctx context.Context, a asked) (*sweep, taker, error) {
	f := s.ask(&a)
	if f == nil {
		return nil, nil, errAlone
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	s.rereads.sweepsMu.Lock()
	defer s.rereads.sweepsMu.Unlock()
	s.past(f.number)
	t := f.takers[s]
	switch s.refused = f.refused; {
	case t == nil || f.refused:
		return nil, nil, errAlone
	case f.err != nil:
		return nil, nil, f.err
	}
	return f, t, nil
}

// ask returns a sweep, which may be over, nil if the party reads for itself.
func (s *seat) ask(a *asked) *sweep {
	g := s.rereads
	g.sweepsMu.Lock()
	defer g.sweepsMu.Unlock()
	if !g.together(s, time.Now()) {
		return nil
	}
	if f := g.current; f != nil && f.serves(s, a) {
		return f
	}
	f := g.next
	if f == nil {
		f = &sweep{low: a.position, mark: a.mark, keys: map[told]struct{}{}, done: make(chan struct{})}
		g.next = f
	}
	f.add(a)
	if !g.sweeping {
		g.launch()
	}
	return f
}

// serves reports whether what a sweep reads that has been opened is what a party
// needs.
func (f *sweep) serves(s *seat, a *asked) bool {
	if a.fresh || f.number < s.from || f.takers[s] == nil || a.position < f.low || a.told > f.high || len(a.keys) > len(f.keys) {
		return false
	}
	for k := range a.keys {
		if _, read := f.keys[k]; !read {
			return false
		}
	}
	return true
}

// add makes a sweep that has not been opened read what a party needs.
func (f *sweep) add(a *asked) {
	if a.position < f.low {
		f.low, f.mark = a.position, a.mark
	}
	f.high = max(f.high, a.position)
	for k := range a.keys {
		f.keys[k] = struct{}{}
	}
}

// launch opens the next sweep. It is called under sweepsMu.
func (g *rereads) launch() {
	f, now := g.next, time.Now()
	g.opened++
	f.number = g.opened
	f.takers, f.needed = make(map[*seat]taker, len(g.seats)), make(map[*seat]struct{}, len(g.seats))
	for s := range g.seats {
		if !now.Before(s.alone) {
			f.takers[s], f.needed[s] = s.party.opens(), struct{}{}
		}
	}
	g.current, g.sweeping, g.next = f, true, nil
	g.running.Go(func() { g.sweep(f) })
}

// sweep does a sweep, and opens the next one.
func (g *rereads) sweep(f *sweep) {
	f.err = g.read(f)
	var refusal *refusedError
	f.refused = errors.As(f.err, &refusal) && g.db.reach(g.ctx) == nil
	g.sweepsMu.Lock()
	defer g.sweepsMu.Unlock()
	if f.refused {
		g.refuse()
	} else if f.err == nil {
		g.refusals = 0
	}
	close(f.done)
	switch g.sweeping = false; {
	case g.next != nil:
		g.launch()
	case len(f.needed) == 0:
		g.current = nil
	}
}

// refusedError is the failure of a statement that asks for all.
type refusedError struct{ error }

func (e *refusedError) Unwrap() error { return e.error }

// refuse is called when the database has refused a statement, though it answers. It
// is somebody's fault: who reads for itself now and is refused again does so for a
// while. If there is nobody like that, all do. It is called under sweepsMu.
func (g *rereads) refuse() {
	if g.refusals++; g.refusals >= manyJointRefusals {
		g.refusals, g.apart = 0, time.Now().Add(blindFor)
	}
}

// manyJointRefusals is how many times in a row a statement for all may be refused.
// Whoever is at fault may be found out later than the next one is sent.
const manyJointRefusals = 4

// failed notes that the party was refused what it reads for itself.
func (s *seat) failed(err error) {
	if s == nil || err == nil {
		return
	}
	s.rereads.sweepsMu.Lock()
	defer s.rereads.sweepsMu.Unlock()
	if s.refused {
		s.alone = time.Now().Add(blindFor)
		s.rereads.refusals = 0
		s.rereads.forget(s)
	}
}
