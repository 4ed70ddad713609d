package cache

import (
	"context"
	sqldriver "database/sql/driver"
	"math"
	"sync/atomic"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
)

// session is the policy of one connection. The pool uses a connection from one
// goroutine at a time, so nothing here is locked.
type session struct {
	cache *Cache
	// number tells sessions apart, as far as that makes them faster.
	number uint32

	dialled bool
	// place is where it was dialled to, asked of it or else before: a
	// connection that was opened just before the database was replaced must not
	// count as one to the new database.
	place dialects.Place
	// inner is the connection, located tells whether it was asked since its
	// settings may have changed, stranger that it gave no answer.
	inner             sqldriver.Conn
	located, stranger bool
	// changed: a statement may have changed the settings that the connection
	// was opened with.
	changed bool
	// strange: code that nobody knows was run, which may have left objects of the
	// session's own, and the session was not asked since.
	strange bool
	// moved: it may be in another database since, where names are those of other
	// tables, whose triggers may write those of this one.
	moved bool
	// resettled: its settings or its database were others. What was prepared then
	// still means what it meant then.
	resettled bool
	// spoke: reads were sent, or one is about to be.
	spoke bool
	// fills: the statement that comes next could be stored.
	fills bool
	// unverified counts the hits since the last one that was verified.
	unverified int

	recent recent
	near   near
	// found is what was found last, scratch the memory of the last key.
	found   entry
	scratch []byte
	few     few
	types   []uint32 // the memory of those of the columns of a result
	tx      transaction
	// taint says what was changed in the session of the database, or is
	// empty. It lasts as long as the connection.
	taint string
	// raw: the inner connection is, or may still be, in other hands.
	raw bool
	// open counts the results of the inner driver that are still being read,
	// where they matter: see Config.HoldsSnapshot.
	open int
	// skipped is a statement that the inner driver has just skipped: what comes next
	// is its text, prepared this moment.
	skipped *statement
}

var _ driver.Session = (*session)(nil)

// Owner returns what the cache belongs to.
func (s *session) Owner() any { return s.cache.config.Owner }

// Dialed notes that there is a connection now.
func (s *session) Dialed(ctx context.Context, inner sqldriver.Conn) error {
	s.dialled, s.inner, s.located, s.stranger, s.changed, s.strange, s.moved = true, inner, false, false, false, false, false
	if s.fills {
		s.locate(ctx)
	}
	s.tx, s.taint, s.raw, s.open = transaction{}, "", false, 0
	s.resettled = false
	return nil
}

// locate asks the connection where it is and with which settings, where the
// backend can tell, unless it was asked since they may have changed. A
// connection that it cannot tell of serves the program as any other, and its
// results are not stored. Nobody is asked before something could be stored.
func (s *session) locate(ctx context.Context) {
	c := s.cache
	if c.prober == nil || s.located {
		return
	}
	s.located, s.stranger = true, false
	var err error
	if s.place, err = c.prober.Probe(ctx, s.inner); err != nil {
		if ctx.Err() != nil {
			// That says nothing of the connection: the next read asks again.
			s.located = false
			return
		}
		c.config.Log.Debug("livesql: which database a connection is to is not known", "error", err)
		s.stranger = true
		return
	}
	s.strange = s.place.Settings == 0
	s.moved = s.moved && !s.here()
	if !s.changed {
		c.fresh.note(s.place.Settings)
	}
}

// ownNames reports whether names may mean something else on this session than
// for others: it has objects of its own, may have some, or is in another
// database.
func (s *session) ownNames() bool {
	return s.taint != "" || s.moved || s.cache.prober != nil && (s.strange || s.dialled && s.located && !s.here())
}

// settings returns the number of the session's settings, and whether it is
// known. That of a connection that was not dialled is that of all that were, if
// they agree.
func (s *session) settings() (n uint64, known bool) {
	c := s.cache
	switch {
	case c.prober == nil:
		return 0, true
	case !s.dialled && c.config.Varies:
		return 0, false
	case !s.dialled:
		return c.fresh.known()
	default:
		return s.place.Settings, s.located && !s.stranger && s.place.Settings != 0
	}
}

// freshSettings are the settings that connections have when they were just
// opened. The zero value knows of none.
type freshSettings struct {
	// number is 0 before the first connection, and mixedSettings once two have
	// differed.
	number atomic.Uint64
}

const mixedSettings = math.MaxUint64

func (f *freshSettings) note(n uint64) {
	if !f.number.CompareAndSwap(0, n) && f.number.Load() != n {
		f.number.Store(mixedSettings)
	}
}

func (f *freshSettings) known() (uint64, bool) {
	n := f.number.Load()
	return n, n != 0 && n != mixedSettings
}

// Takes asks the dialect.
func (s *session) Takes(v any) bool { return s.cache.config.Takes(v) }

// Classify looks the text up.
func (s *session) Classify(text string) driver.Statement {
	slot := s.recent.slot(text)
	if st := *slot; st != nil && st.text == text && st.analysis.Version == s.cache.backend.Version() {
		return st
	}
	st := s.cache.classify(text)
	if !st.fleeting {
		*slot = st
	}
	return st
}

// Query answers from memory, or returns the call that fills, or the call that
// invalidates, or one that counts open results and hears of failures in a
// transaction, or nothing.
func (s *session) Query(ctx context.Context, st driver.Statement, args []sqldriver.NamedValue, via driver.Path) (sqldriver.Rows, driver.Call, error) {
	rows, call, err := s.query(ctx, st.(*statement), args, via) // Classify makes nothing else
	if rows != nil {
		return rows, call, err
	}
	s.spoke = true
	if call == nil && err == nil && (s.cache.config.HoldsSnapshot || s.tx.open()) {
		call = (*passCall)(s)
	}
	return nil, call, err
}

func (s *session) query(ctx context.Context, stmt *statement, args []sqldriver.NamedValue, via driver.Path) (sqldriver.Rows, driver.Call, error) {
	c := s.cache
	outlives := s.resettled && via == driver.Prepared && s.skipped != stmt
	if s.skipped != nil { // hits need not write
		s.skipped = nil
	}
	if !stmt.read() {
		if stmt.analysis.Scan.Kind == dialects.Read {
			c.stats.bypassed[Uncacheable].Add(1)
		}
		if stmt.inert() {
			return nil, nil, nil
		}
		return nil, newWrite(s, stmt, args), nil
	}
	if !s.dialled {
		s.place.Database = c.backend.Identity()
	}
	o := optionsOf(ctx)
	reason, bypass := s.bypass(o)
	if outlives && !bypass {
		reason, bypass = Tainted, true
	}
	if !bypass && s.dialled && !s.located && c.prober != nil && c.core.Valid(c.now()) {
		s.locate(ctx)
		if !s.here() {
			reason, bypass = Elsewhere, true
		}
	}
	if bypass {
		c.stats.bypassed[reason].Add(1)
		return nil, nil, nil
	}
	now, level := c.clock.Glance(), c.consistency(o)
	if may, why := c.mayAnswer(level, now); !may {
		c.stats.bypassed[why].Add(1)
		return nil, nil, nil
	}
	if stmt.analysis.Clock && sayNow(args) {
		c.stats.bypassed[Argument].Add(1)
		return nil, nil, nil
	}
	settings, known := s.settings()
	k, ok := s.key(stmt, via, settings, args)
	switch {
	case !ok:
		c.stats.bypassed[Argument].Add(1)
		return nil, nil, nil
	case !known:
		// Of a connection that was not dialled yet: that will tell.
		return s.miss(ctx, k, args, false)
	}
	join := level.kind != strong // a read that is under way has begun before
	if via == driver.Direct && stmt.skips[hasArgs(args)].Load() {
		// The inner driver will send it as a prepared statement: that is
		// where its entry stands, and where it is filled.
		k.setVia(driver.Prepared)
		return s.skipping(ctx, level, now, &k, args)
	}
	if e := s.find(&k); e != nil && s.good(ctx, e, level, now) {
		return s.hit(e)
	}
	if level.kind == revalidated {
		if e := s.outdated(o, level, &k, args, now); e != nil {
			return s.serveOutdated(e), nil, nil
		}
	}
	return s.miss(ctx, k, args, join)
}

// key returns the key of a read, or false if an argument cannot be part of one.
// It is good until the session's next.
func (s *session) key(stmt *statement, via driver.Path, settings uint64, args []sqldriver.NamedValue) (key, bool) {
	rest, ok := appendKey(s.scratch[:0], via, settings, args)
	if cap(rest) <= maxScratch {
		s.scratch = rest
	}
	return key{stmt, rest}, ok
}

// maxScratch is the length of the longest key whose memory is used again.
const maxScratch = 4 << 10

// good reports whether an entry that is alive is good enough for a read that
// began at now. It may wait for a poll.
func (s *session) good(ctx context.Context, e *entry, level Consistency, now core.Instant) bool {
	if !s.cache.young(&e.kept, now) {
		s.cache.stats.expired.Add(1)
		return false
	}
	return level.kind != strong || s.cache.catchUp(ctx, now) && s.cache.core.Alive(e.core)
}

// hit answers from memory, unless it is time to ask the database whether it
// would have given the same answer.
func (s *session) hit(e *entry) (sqldriver.Rows, driver.Call, error) {
	c := s.cache
	c.stats.hits.add(s.number)
	if s.verifies() {
		s.unverified = 0
		return nil, &verifyCall{session: s, entry: *e}, nil
	}
	s.unverified++
	return s.replay(e), nil, nil
}

// verifies reports whether it is time to compare a hit with the database.
func (s *session) verifies() bool {
	c := s.cache
	return c.config.Verify > 0 && s.unverified+1 >= c.config.Verify && c.core.Valid(c.now())
}

// skipping answers a direct query that the inner driver would skip, or lets
// it pass unfilled: the prepared statement that follows does the rest.
func (s *session) skipping(ctx context.Context, level Consistency, now core.Instant, k *key, args []sqldriver.NamedValue) (sqldriver.Rows, driver.Call, error) {
	if s.verifies() {
		s.skipped = k.statement
		return nil, nil, nil // by the prepared statement, which gives the answer
	}
	if e := s.find(k); e != nil && s.good(ctx, e, level, now) {
		return s.hit(e)
	}
	if level.kind == revalidated {
		if e := s.outdated(optionsOf(ctx), level, k, args, now); e != nil {
			return s.serveOutdated(e), nil, nil
		}
	}
	s.skipped = k.statement
	return nil, nil, nil
}

// find looks an entry up where the session remembers it, then in the store. What
// it returns is good until the session looks again.
func (s *session) find(k *key) *entry {
	c, mark := s.cache, k.mark()
	place := s.near.place(mark)
	if e := place.answer(mark, k); e != nil && c.core.Alive(e.core) {
		return e
	}
	if !c.find(c.hasher.key(k), k, &s.found) {
		place.forget()
		return nil
	}
	place.remember(mark, &s.found)
	return &s.found
}

// find copies an entry of the store to e, if there is one and it is alive.
func (c *Cache) find(hash uint64, k *key, e *entry) bool {
	e.shape = c.entries.Get(hash, &e.kept, k.is)
	return e.shape != nil && c.core.Alive(e.core) && !c.config.Evict
}

// bypass tells why the connection's reads must not be answered from memory.
func (s *session) bypass(o *readOptions) (Bypass, bool) {
	switch {
	case s.tx.open():
		return InTransaction, true
	case s.taint != "" || s.raw:
		return Tainted, true
	case s.open > 0:
		return OpenResult, true
	case s.dialled && !s.here():
		return Elsewhere, true
	}
	switch {
	case o == nil:
		return 0, false
	case o.noCache:
		return OptedOut, true
	case !o.reached(s.cache):
		return Behind, true
	}
	return 0, false
}

// mayFill tells whether what the connection reads now may be stored. The
// connection may have been dialled since its query was let through.
func (s *session) mayFill() bool {
	_, known := s.settings()
	return !s.tx.open() && s.taint == "" && !s.raw && s.open == 0 && s.dialled && s.here() && known
}

// here reports whether the connection is to the database that the feed
// follows, as far as is known.
func (s *session) here() bool {
	switch {
	case s.stranger:
		return false
	case s.cache.prober != nil && s.dialled:
		return !s.located || s.place.Settings != 0 && s.place.Database == s.cache.backend.Identity()
	default:
		return s.place.Database == s.cache.backend.Identity()
	}
}

// inert reports that executing the statement leaves nothing to do.
func (st *statement) inert() bool {
	a := st.analysis
	return !a.Changes() && len(a.Scan.Effects) == 0 && a.Scan.Taint == "" && !a.Scan.Settings && !a.Scan.Spelling
}

// Executed makes the effects of a statement known before its caller learns
// that it ended. Whether it failed makes no difference to what it may have
// written.
func (s *session) Executed(_ context.Context, st driver.Statement, args []sqldriver.NamedValue, err error) {
	stmt := st.(*statement) // Classify makes nothing else
	if !stmt.inert() || err != nil && s.tx.open() {
		s.executed(stmt, args, err)
	}
}

// Begun opens a transaction, as BEGIN does.
func (s *session) Begun(sqldriver.TxOptions) {
	s.apply(dialects.Begins)
	s.tx.state = byAPI
}

// Ended ends a transaction.
func (s *session) Ended(o driver.Outcome) {
	switch o {
	case driver.RolledBack:
		s.rolledBack()
	case driver.Committed:
		s.cache.invalidate(s.tx.end())
	case driver.Unknown:
		// It may have committed, and it may still be open.
		s.cache.invalidate(s.tx.pending)
		s.tx.doubt()
	}
}

// Raw notes that the inner connection was handed out: it may write anything,
// and change the session, until the pool has it back.
func (s *session) Raw() {
	s.raw = true
	if s.taint == "" {
		s.taint = "the inner connection was handed out"
	}
	all := effects{all: true, schema: true}
	if s.tx.unseen = !s.tx.open(); !s.tx.unseen {
		s.tx.pending = all // what is written there is committed with the transaction
	}
	s.cache.invalidate(all)
}

// Released notes that the connection is back in the pool: whoever held the
// inner connection is done with it, and whoever takes it next may have it set up.
func (s *session) Released() {
	if s.cache.config.Varies {
		s.located = false
	}
	if s.raw {
		s.raw = false
		s.cache.invalidate(effects{all: true, schema: true})
	}
}

// Closed notes the end of the connection. A transaction that was open may
// have been committed by the statement that ended it.
func (s *session) Closed() {
	if s.raw {
		s.cache.invalidate(effects{all: true, schema: true})
	}
	if s.tx.open() {
		s.cache.invalidate(s.tx.end())
	}
}

func hasArgs(args []sqldriver.NamedValue) int {
	if len(args) > 0 {
		return 1
	}
	return 0
}
