package cache_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// sessions is a database whose connections have settings: those that are in
// force when one is dialled, until a SET on it.
type sessions struct {
	swapped
	initial atomic.Uint64
	probes  atomic.Uint64
}

// sessionConn is one of them.
type sessionConn struct {
	*storeConn
	settings uint64
}

func (s *sessions) Connect(context.Context) (sqldriver.Conn, error) {
	return &sessionConn{&storeConn{s.store}, s.initial.Load()}, nil
}

func (s *sessions) Probe(_ context.Context, inner sqldriver.Conn) (dialects.Place, error) {
	s.probes.Add(1)
	return dialects.Place{Settings: inner.(*sessionConn).settings}, nil
}

// Analyze knows SET, and a call of a function that nobody knows.
func (s *sessions) Analyze(ctx context.Context, text string) (*dialects.Analysis, error) {
	switch text {
	case "SET":
		return &dialects.Analysis{Scan: dialects.Scan{Kind: dialects.Session, Settings: true, Statements: 1}, Uncacheable: "no read", Version: 1}, nil
	case "USE":
		return &dialects.Analysis{Scan: dialects.Scan{Kind: dialects.Session, Settings: true, Moves: true, Statements: 1}, Uncacheable: "no read", Version: 1}, nil
	case "CALL":
		return &dialects.Analysis{Scan: dialects.Scan{Kind: dialects.Bypass, Statements: 1}, Uncacheable: "no read", WritesAll: true, Version: 1}, nil
	}
	return s.swapped.Analyze(ctx, text)
}

// ExecContext changes the settings of the connection.
func (c *sessionConn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	switch query {
	case "SET", "USE", "CALL":
		c.settings = uint64(args[0].Value.(int64))
		return sqldriver.ResultNoRows, nil
	}
	return c.storeConn.ExecContext(ctx, query, args)
}

func (c *sessionConn) BeginTx(context.Context, sqldriver.TxOptions) (sqldriver.Tx, error) {
	return noTx{}, nil
}

type noTx struct{}

func (noTx) Commit() error   { return nil }
func (noTx) Rollback() error { return nil }

func newSessions(t *testing.T) (*sessions, *cache.Cache, *sql.DB) {
	t.Helper()
	s := &sessions{swapped: swapped{store: newStore("v")}}
	s.initial.Store(1)
	c, err := cache.New(s, nil, cache.Config{Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(driver.Wrap(s, c))
	t.Cleanup(func() { _ = db.Close() })
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "started"})
	return s, c, db
}

// querier is what reads are sent to.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// hits reads and reports whether the answer came from memory.
func hits(t *testing.T, c *cache.Cache, q querier) bool {
	t.Helper()
	before := c.Stats().Hits
	var v string
	if err := q.QueryRowContext(t.Context(), query).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return c.Stats().Hits > before
}

func session(t *testing.T, db *sql.DB) *sql.Conn {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func execute(t *testing.T, conn *sql.Conn, text string, settings int) {
	t.Helper()
	if _, err := conn.ExecContext(t.Context(), text, settings); err != nil {
		t.Fatal(err)
	}
}

// TestSettings: results are shared by sessions with the same settings only, and
// a session is asked again after whatever may have changed its.
func TestSettings(t *testing.T) {
	t.Parallel()
	_, c, db := newSessions(t)
	one, two := session(t, db), session(t, db)
	want := func(conn querier, hit bool, what string) {
		t.Helper()
		if got := hits(t, c, conn); got != hit {
			t.Errorf("%s: answered from memory %v, want %v", what, got, hit)
		}
	}
	want(one, false, "the first read")
	want(two, true, "another session with the same settings, before it was dialled")
	execute(t, two, "SET", 2)
	want(two, false, "other settings")
	want(two, true, "the same other settings")
	want(one, true, "the first settings are still there")
	execute(t, one, "SET", 2)
	want(one, true, "both have the other settings")
	execute(t, one, "CALL", 1)
	want(one, false, "everything was forgotten")
	want(two, false, "a call may have changed the settings")
	want(one, true, "each has its own")
	execute(t, one, "SET", 0)
	want(one, false, "a session with something of its own")
	want(one, false, "whose results are nobody else's")
	execute(t, one, "SET", 2)
	want(one, true, "which is over")
}

// TestSettingsInTransaction: what a transaction sets may be taken back when it
// ends, so the session is asked after that.
func TestSettingsInTransaction(t *testing.T) {
	t.Parallel()
	s, c, db := newSessions(t)
	conn := session(t, db)
	hits(t, c, conn)
	tx, err := conn.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "SET", 2); err != nil {
		t.Fatal(err)
	}
	probes := s.probes.Load()
	hits(t, c, tx)
	if s.probes.Load() != probes {
		t.Error("a session was asked within the program's transaction")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	execute(t, conn, "SET", 1) // what the rollback would have done
	if !hits(t, c, conn) {
		t.Error("the settings are as before, but what was stored under them was not found")
	}
}

// TestFreshSettings: a connection that was not dialled is taken for one like the
// others only while those agree, and what it turns out to be counts.
func TestFreshSettings(t *testing.T) {
	t.Parallel()
	s, c, db := newSessions(t)
	zero, one := session(t, db), session(t, db)
	hits(t, c, zero)
	hits(t, c, one)
	execute(t, one, "SET", 2)
	hits(t, c, one)
	if two := session(t, db); !hits(t, c, two) {
		t.Error("what one session has set counts for those that are opened later")
	}
	s.initial.Store(3)
	three := session(t, db)
	if _, err := three.ExecContext(t.Context(), "UPDATE t SET v = 'w'"); err != nil { // dials
		t.Fatal(err)
	}
	if hits(t, c, zero) || !hits(t, c, zero) {
		t.Error("what the first settings answer is not there again")
	}
	if hits(t, c, three) || !hits(t, c, three) {
		t.Error("a session with settings of its own: want a read, then a hit under these")
	}
	four := session(t, db)
	if hits(t, c, four) {
		t.Error("the settings of a session that was not dialled are not known any more")
	}
	if !hits(t, c, four) || !hits(t, c, three) {
		t.Error("what it read was not stored under the settings that it has")
	}
}

// TestUnprovenWrites: a write whose effects only the feed tells returns when it
// has told them, or everything is forgotten.
func TestUnprovenWrites(t *testing.T) {
	t.Parallel()
	backend := &unproven{swapped: swapped{store: newStore("old")}}
	now := time.Now()
	var synced error
	syncs := 0
	var c *cache.Cache
	c, err := cache.New(backend, nil, cache.Config{
		Lease: time.Second,
		Now:   func() time.Time { return now },
		Sync: func(context.Context) error {
			if syncs++; synced == nil {
				now = now.Add(time.Millisecond)
				c.Apply(listen.Batch{Sent: now, Changes: []listen.Change{whole()}})
			}
			return synced
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(driver.Wrap(backend, c))
	defer db.Close()
	c.Apply(listen.Batch{Sent: now, Reset: "started"})
	write := func(value string) {
		t.Helper()
		now = now.Add(time.Millisecond)
		if _, err := db.ExecContext(t.Context(), "UPDATE other SET v = '"+value+"'"); err != nil {
			t.Fatal(err)
		}
		if got := read(t, db); got != value {
			t.Errorf("read %q after %q was written", got, value)
		}
	}
	read(t, db)
	write("through a trigger")
	if got := c.Stats(); got.Awaited != 1 || got.Resets != 1 {
		t.Errorf("%d writes waited, %d resets, want 1 and the first", got.Awaited, got.Resets)
	}
	synced = context.DeadlineExceeded
	write("while the feed is away")
	if got := c.Stats(); got.Awaited != 1 || got.Resets != 2 {
		t.Errorf("%d writes waited, %d resets, want 1 and 2", got.Awaited, got.Resets)
	}
	c.Changed(listen.Lost)
	write("and known to be")
	if got := c.Stats(); syncs != 2 || got.Awaited != 1 || got.Resets != 3 {
		t.Errorf("%d writes have waited for the feed, %d resets, want 2 and 3", syncs, got.Resets)
	}
}

// unproven is a database in which a trigger of another table writes t.
type unproven struct{ swapped }

func (u *unproven) Analyze(ctx context.Context, text string) (*dialects.Analysis, error) {
	a, err := u.swapped.Analyze(ctx, text)
	if a.Scan.Kind == dialects.Write {
		a.Writes, a.Unproven = []dialects.Table{{Schema: "main", Name: "other"}}, "a trigger that runs a statement it puts together"
	}
	return a, err
}

// TestOwnNames: what a write changes is not known on a session that may have
// objects of its own behind the names, or is one to another database.
func TestOwnNames(t *testing.T) {
	t.Parallel()
	s, c, db := newSessions(t)
	conn := session(t, db)
	writes := func(all bool, what string) {
		t.Helper()
		before := c.Stats().Resets
		if _, err := conn.ExecContext(t.Context(), "UPDATE t SET v = 'w'"); err != nil {
			t.Fatal(err)
		}
		if got := c.Stats().Resets > before; got != all {
			t.Errorf("%s: a write forgets everything: %v, want %v", what, got, all)
		}
	}
	writes(false, "a session that nobody has changed")
	execute(t, conn, "CALL", 1)
	writes(true, "code that nobody knows has run")
	hits(t, c, conn)
	writes(false, "the session was asked since")
	execute(t, conn, "SET", 0)
	hits(t, c, conn)
	writes(true, "objects of its own")
	execute(t, conn, "SET", 1)
	hits(t, c, conn)
	writes(false, "which are gone")
	execute(t, conn, "SET", 1)
	writes(false, "other settings")
	execute(t, conn, "USE", 1)
	writes(true, "maybe another database, before anybody asks")
	hits(t, c, conn)
	writes(false, "the database is the same")
	execute(t, conn, "USE", 1)
	s.identity.Add(1)
	writes(true, "another database")
}
