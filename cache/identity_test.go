package cache_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// swapped is a database that another one takes the place of.
type swapped struct {
	store    *store
	identity atomic.Uint64
	// dialled is called between the opening of a connection and its return.
	dialled func()
}

func (s *swapped) Identity() uint64 { return s.identity.Load() }

func (s *swapped) Version() uint64 { return 1 }

func (s *swapped) Analyze(_ context.Context, text string) (*dialects.Analysis, error) {
	a := &dialects.Analysis{Scan: dialects.ScanText(dialects.SQLite, text), Version: 1}
	switch tables := []dialects.Table{{Schema: "main", Name: "t"}}; a.Scan.Kind {
	case dialects.Read:
		a.Reads = tables
	default:
		a.Writes = tables
	}
	return a, nil
}

func (s *swapped) Connect(ctx context.Context) (sqldriver.Conn, error) {
	c, err := s.store.Connect(ctx)
	if s.dialled != nil {
		s.dialled()
	}
	return c, err
}

func (s *swapped) Driver() sqldriver.Driver { return nil }

// A connection that was opened while the database was replaced may be one to
// the old database: what it reads is not stored, however late it is reported.
func TestDialledWhileReplaced(t *testing.T) {
	t.Parallel()
	s := &swapped{store: newStore("old")}
	c, err := cache.New(s, nil, cache.Config{Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(driver.Wrap(s, c))
	defer db.Close()
	s.dialled = func() {
		// The feed notices, starts afresh and is live again.
		s.identity.Add(1)
		c.Apply(listen.Batch{Sent: time.Now(), Reset: "replaced"})
	}
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "started"})
	for range 3 {
		if got := read(t, db); got != "old" {
			t.Fatalf("read %q", got)
		}
	}
	s.dialled = nil
	s.store = newStore("new")
	held, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close() // the old connection, so that another one is dialled
	if got := read(t, db); got != "new" {
		t.Errorf("read %q from memory, which a connection to the old database filled", got)
	}
	if got := read(t, db); got != "new" || c.Stats().Hits != 1 {
		t.Errorf("read %q, %d hits, want one on the new connection", got, c.Stats().Hits)
	}
}

// The holder of a connection that could not be dialled at first may go on with
// it.
func TestDialledLater(t *testing.T) {
	t.Parallel()
	s := &swapped{store: newStore("v")}
	c, err := cache.New(s, nil, cache.Config{Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(driver.Wrap(s, c))
	defer db.Close()
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "started"})
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.identity.Add(1) // before the connection is dialled
	var v string
	for range 2 {
		if err := conn.QueryRowContext(t.Context(), query).Scan(&v); err != nil && !errors.Is(err, sql.ErrNoRows) {
			t.Fatal(err)
		}
	}
	if hits := c.Stats().Hits; hits != 1 {
		t.Errorf("%d hits, want 1: the connection is one to the current database", hits)
	}
}

// probed is a database whose connections can be asked.
type probed struct {
	swapped
	probe func() (dialects.Place, error)
}

func (p *probed) Probe(context.Context, sqldriver.Conn) (dialects.Place, error) { return p.probe() }

// A connection that says where it is fills once the feed is there too, however
// it came to be there first; one that does not say never does.
func TestProbed(t *testing.T) {
	t.Parallel()
	p := &probed{swapped: swapped{store: newStore("new")}}
	there, failure := uint64(1), error(nil)
	p.probe = func() (dialects.Place, error) { return dialects.Place{Database: there, Settings: 1}, failure }
	c, err := cache.New(p, nil, cache.Config{Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(driver.Wrap(p, c))
	defer db.Close()
	read := func() {
		t.Helper()
		var v string
		if err := db.QueryRowContext(t.Context(), "SELECT v FROM t").Scan(&v); err != nil || v != "new" {
			t.Fatalf("%q, error %v", v, err)
		}
	}
	stored := func(want uint64) {
		t.Helper()
		read()
		read()
		if got := c.Stats().Stores; got != want {
			t.Errorf("%d results were stored, want %d", got, want)
		}
	}
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "started"})
	stored(0) // the feed is still at the old database
	p.identity.Store(1)
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "elsewhere"})
	stored(1)
	db.SetMaxIdleConns(-1) // from now on each statement dials
	failure = errors.New("no right to ask")
	c.Flush()
	stored(1)
	failure = nil
	stored(2)
}

// TestCancelledProbe: that a program has given up says nothing of the connection,
// whose later results are kept.
func TestCancelledProbe(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	p := &probed{swapped: swapped{store: newStore("v")}}
	p.probe = func() (dialects.Place, error) {
		if asked++; asked == 1 {
			cancel()
			return dialects.Place{}, ctx.Err()
		}
		return dialects.Place{Settings: 1}, nil
	}
	c, err := cache.New(p, nil, cache.Config{Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(driver.Wrap(p, c))
	defer db.Close()
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "started"})
	conn := session(t, db)
	var v string
	if err := conn.QueryRowContext(ctx, query).Scan(&v); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if c.Stats().Stores > 0 {
		t.Error("a result was stored of a connection that was not asked")
	}
	hits(t, c, conn)
	if !hits(t, c, conn) {
		t.Error("the connection counts as a stranger because a program has given up once")
	}
}
