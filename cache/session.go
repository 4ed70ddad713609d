package cache

import (
	"context"
	sqldriver "database/sql/driver"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
)

// session is the policy of one connection. The pool uses a connection from one
// goroutine at a time, so nothing here is locked.
type session struct {
	cache *Cache

	dialled bool
	// identity is that of the database it was dialled to, asked of it or
	// else before: a connection that was opened just before the database was
	// replaced must not count as one to the new database.
	identity uint64
	// inner is the connection, located tells whether it was asked, stranger
	// that it gave no answer.
	inner             sqldriver.Conn
	located, stranger bool
	// fills: the statement that comes next could be stored.
	fills bool

	recent recent
	near   near
	tx     transaction
	// taint says what was changed in the session of the database, or is
	// empty. It lasts as long as the connection.
	taint string
	// raw: the inner connection is, or may still be, in other hands.
	raw bool
	// open counts the results of the inner driver that are still being read,
	// where they matter: see Config.HoldsSnapshot.
	open int
}

var _ driver.Session = (*session)(nil)

// Owner returns what the cache belongs to.
func (s *session) Owner() any { return s.cache.config.Owner }

// Dialed notes that there is a connection now.
func (s *session) Dialed(ctx context.Context, inner sqldriver.Conn) error {
	s.dialled, s.inner, s.located, s.stranger = true, inner, false, false
	if s.fills {
		s.locate(ctx)
	}
	s.tx, s.taint, s.raw, s.open = transaction{}, "", false, 0
	return nil
}

// locate asks the connection, once, which database it is to, where the backend
// can tell. A connection that it cannot tell of serves the program as any
// other, and its results are not stored. Nobody is asked before something could
// be stored.
func (s *session) locate(ctx context.Context) {
	if s.cache.prober == nil || s.located {
		return
	}
	s.located = true
	var err error
	if s.identity, err = s.cache.prober.Probe(ctx, s.inner); err != nil {
		s.cache.config.Log.Debug("livesql: which database a connection is to is not known", "error", err)
		s.stranger = true
	}
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
// invalidates, or one that counts open results, or nothing.
func (s *session) Query(ctx context.Context, st driver.Statement, args []sqldriver.NamedValue, via driver.Path) (sqldriver.Rows, driver.Call, error) {
	rows, call, err := s.query(ctx, st.(*statement), args, via) // Classify makes nothing else
	if rows == nil && call == nil && err == nil && s.cache.config.HoldsSnapshot {
		call = (*passCall)(s)
	}
	return rows, call, err
}

func (s *session) query(ctx context.Context, stmt *statement, args []sqldriver.NamedValue, via driver.Path) (sqldriver.Rows, driver.Call, error) {
	c := s.cache
	if !stmt.read {
		if stmt.analysis.Scan.Kind == dialects.Read {
			c.stats.bypassed[Uncacheable].Add(1)
		}
		if stmt.inert() {
			return nil, nil, nil
		}
		return nil, &writeCall{session: s, statement: stmt}, nil
	}
	if !s.dialled {
		s.identity = c.backend.Identity()
	}
	if reason, bypass := s.bypass(ctx); bypass {
		c.stats.bypassed[reason].Add(1)
		return nil, nil, nil
	}
	now := c.now()
	if !c.core.Valid(now) {
		c.stats.bypassed[NoLease].Add(1)
		return nil, nil, nil
	}
	if via == driver.Direct && stmt.skips[hasArgs(args)].Load() {
		// The inner driver will send it as a prepared statement: that is
		// where its entry stands, and where it is filled.
		via = driver.Prepared
		return s.skipping(stmt, args, via)
	}
	e, hash, ok := s.find(stmt, via, args)
	switch {
	case !ok:
		c.stats.bypassed[Argument].Add(1)
		return nil, nil, nil
	case e != nil:
		c.stats.hits.Add(1)
		return e.rows(), nil, nil
	}
	return s.miss(ctx, stmt, args, via, hash)
}

// skipping answers a direct query that the inner driver would skip, or lets
// it pass unfilled: the prepared statement that follows does the rest.
func (s *session) skipping(stmt *statement, args []sqldriver.NamedValue, via driver.Path) (sqldriver.Rows, driver.Call, error) {
	if e, _, _ := s.find(stmt, via, args); e != nil {
		s.cache.stats.hits.Add(1)
		return e.rows(), nil, nil
	}
	return nil, nil, nil
}

// find looks an entry up where the session remembers it, then in the store. It
// returns false for arguments that cannot be part of a key.
func (s *session) find(stmt *statement, via driver.Path, args []sqldriver.NamedValue) (e *entry, hash uint64, ok bool) {
	c := s.cache
	if hash, ok = c.hasher.key(stmt, via, args); !ok {
		return nil, 0, false
	}
	place := s.near.place(hash)
	if e = place.answer(hash, stmt, via, args); e != nil && c.core.Alive(e.core) {
		return e, hash, true
	}
	e = c.find(hash, stmt, via, args)
	place.remember(e)
	return e, hash, true
}

// find looks an entry up in the store.
func (c *Cache) find(hash uint64, stmt *statement, via driver.Path, args []sqldriver.NamedValue) *entry {
	e, ok := c.entries.GetIfPresent(hash)
	if !ok || !e.key.equal(stmt, via, args) || !c.core.Alive(e.core) || c.config.Evict {
		return nil
	}
	return e
}

// bypass tells why the connection's reads must not be answered from memory.
func (s *session) bypass(ctx context.Context) (Bypass, bool) {
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
	switch o := optionsOf(ctx); {
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
	return !s.tx.open() && s.taint == "" && !s.raw && s.open == 0 && s.dialled && s.here() &&
		(s.located || s.cache.prober == nil)
}

// here reports whether the connection is to the database that the feed
// follows, as far as is known.
func (s *session) here() bool {
	return !s.stranger && (s.cache.prober != nil && !s.located || s.identity == s.cache.backend.Identity())
}

// inert reports that executing the statement leaves nothing to do.
func (st *statement) inert() bool {
	a := st.analysis
	return !a.Changes() && len(a.Scan.Effects) == 0 && a.Scan.Taint == ""
}

// Executed makes the effects of a statement known before its caller learns
// that it ended. Whether it failed makes no difference to what it may have
// written.
func (s *session) Executed(_ context.Context, st driver.Statement, _ []sqldriver.NamedValue, err error) {
	stmt := st.(*statement) // Classify makes nothing else
	if !stmt.inert() {
		s.executed(stmt, err)
	}
}

// Begun opens a transaction.
func (s *session) Begun(sqldriver.TxOptions) { s.tx.begin(byAPI) }

// Ended ends a transaction.
func (s *session) Ended(o driver.Outcome) {
	switch o {
	case driver.RolledBack:
		s.tx.end()
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
	s.cache.invalidate(effects{all: true, schema: true})
}

// Released notes that the connection is back in the pool: whoever held the
// inner connection is done with it.
func (s *session) Released() {
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
