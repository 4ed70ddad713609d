package livesql_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb"
	"github.com/vantage-go/live/testdb/server"
)

// spy is a dialect whose databases answer nothing, and remember how they were
// opened.
type spy struct {
	spyMu sync.Mutex
	dsns  []string
	dials int
}

var spied = &spy{}

func init() { dialects.Register(spied) }

func (s *spy) Name() string            { return "spy" }
func (s *spy) BindName() string        { return "postgres" }
func (s *spy) Flavor() dialects.Flavor { return dialects.Postgres }
func (s *spy) Takes(any) bool          { return false }

func (s *spy) Connector(dsn string) (sqldriver.Connector, error) {
	if dsn == "bad" {
		return nil, errSpy
	}
	s.spyMu.Lock()
	defer s.spyMu.Unlock()
	s.dsns = append(s.dsns, dsn)
	return s, nil
}

var errSpy = errors.New("the spy does not like the DSN")

func (s *spy) Connect(context.Context) (sqldriver.Conn, error) {
	s.spyMu.Lock()
	defer s.spyMu.Unlock()
	s.dials++
	return nil, errSpy
}

func (s *spy) Driver() sqldriver.Driver { return nil }

// took returns and forgets what happened.
func (s *spy) took() (dsns []string, dials int) {
	s.spyMu.Lock()
	defer s.spyMu.Unlock()
	dsns, dials = s.dsns, s.dials
	s.dsns, s.dials = nil, 0
	return dsns, dials
}

// TestNames is not parallel, nor are the tests below that look at the spy.
func TestNames(t *testing.T) {
	for name, bind := range map[string]int{
		"livesql-sqlite": sqlx.QUESTION, "livesql-mysql": sqlx.QUESTION,
		"livesql-postgres": sqlx.DOLLAR, "livesql-pgx": sqlx.DOLLAR, "livesql-spy": sqlx.DOLLAR,
	} {
		if !slices.Contains(sql.Drivers(), name) {
			t.Errorf("%s is not registered", name)
		}
		if got := sqlx.BindType(name); got != bind {
			t.Errorf("sqlx takes %s for bind type %d, want %d", name, got, bind)
		}
	}
}

func TestParametersAreTakenOut(t *testing.T) {
	for dsn, want := range map[string]string{
		"file.db":                                             "file.db",
		"file.db?livesql_lease=5s":                            "file.db",
		"file.db?livesql_lease=5s&x=1":                        "file.db?x=1",
		"file.db?x=1&livesql_lease=5s":                        "file.db?x=1",
		"file.db?x=1&livesql_lease=5s&":                       "file.db?x=1&",
		"file.db?x=1&livesql_lease=5s&y=a?b&livesql_cache=on": "file.db?x=1&y=a?b",
		"postgres://u:p@h/db?sslmode=disable&livesql_bytes=100&livesql_install=own&a=b": "postgres://u:p@h/db?sslmode=disable&a=b",
		"host=h  livesql_lease=5s user=u livesql_eager=false":                           "host=h  user=u",
		"livesql_lease=5s livesql_cache=on host=h":                                      "host=h",
		"u:p?a&ss@tcp(h:1)/db?livesql_result_bytes=5&parseTime=true":                    "u:p?a&ss@tcp(h:1)/db?parseTime=true",
		"livesql_shop.db": "livesql_shop.db",
		"livesql_shop.db?x=1&livesql_install=never": "livesql_shop.db?x=1",
		"file.db?xlivesql_lease=1&x=livesql_lease":  "file.db?xlivesql_lease=1&x=livesql_lease",
	} {
		spied.took()
		db, err := sql.Open("livesql-spy", dsn)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		if err := db.Close(); err != nil {
			t.Errorf("%s: closing: %v", dsn, err)
		}
		if dsns, _ := spied.took(); len(dsns) != 1 || dsns[0] != want {
			t.Errorf("%s: the inner driver saw %q, want %q", dsn, dsns, want)
		}
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	for param, why := range map[string]string{
		"livesql_lease=soon":                   "duration",
		"livesql_lease=1ms":                    "at least 50ms",
		"livesql_lease=":                       "duration",
		"livesql_deadline=soon":                "duration",
		"livesql_deadline=0s":                  "positive",
		"livesql_bytes=many":                   "number",
		"livesql_bytes=-1":                     "positive",
		"livesql_result_bytes=x":               "number",
		"livesql_result_bytes=0":               "positive",
		"livesql_install=maybe":                "auto, own or never",
		"livesql_cache=maybe":                  "on or off",
		"livesql_eager=perhaps":                "true or false",
		"livesql_instal=auto":                  "not a parameter",
		"livesql_=":                            "not a parameter",
		"a=b&livesql_lease=1s&b=c&livesql_x=y": "not a parameter",
	} {
		_, err := sql.Open("livesql-spy", "file.db?"+param)
		var bad *livesql.OptionError
		if !errors.As(err, &bad) || !strings.Contains(bad.Why, why) {
			t.Errorf("%s: error %v, want an *OptionError that says %q", param, err, why)
		}
		if _, lerr := livesql.Open(t.Context(), "spy", "file.db?"+param); err == nil || lerr == nil || lerr.Error() != err.Error() {
			t.Errorf("%s: Open says %v, sql.Open %v", param, lerr, err)
		}
	}
	if dsns, dials := spied.took(); len(dsns) > 0 || dials > 0 {
		t.Errorf("bad parameters led to connectors %q and %d dials", dsns, dials)
	}
}

func TestOpenErrors(t *testing.T) {
	ctx := t.Context()
	for _, open := range []func(name string) error{
		func(name string) error { _, err := livesql.Open(ctx, name, ""); return err },
		func(name string) error { _, err := livesql.OpenDB(ctx, name, spied); return err },
	} {
		var unknown *dialects.UnknownError
		if err := open("oracle"); !errors.As(err, &unknown) || unknown.Name != "oracle" || !slices.Contains(unknown.Known, "sqlite") {
			t.Errorf("error %v, want an *UnknownError that lists sqlite", err)
		}
	}
	if _, err := livesql.Open(ctx, "spy", "bad"); !errors.Is(err, errSpy) {
		t.Errorf("error %v, want the inner driver's", err)
	}
	if _, err := sql.Open("livesql-spy", "bad"); !errors.Is(err, errSpy) {
		t.Errorf("error %v, want the inner driver's", err)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := livesql.Open(done, "spy", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if _, err := livesql.OpenDB(done, "spy", spied); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	var bad *livesql.OptionError
	if _, err := livesql.Open(ctx, "spy", "", livesql.Logger(nil)); !errors.As(err, &bad) {
		t.Errorf("error %v, want an *OptionError", err)
	}
	if _, err := livesql.OpenDB(ctx, "spy", spied, livesql.PollInterval(2, 1)); !errors.As(err, &bad) {
		t.Errorf("error %v, want an *OptionError", err)
	}
}

// TestParametersHaveEffect looks at one effect of each.
func TestParametersHaveEffect(t *testing.T) {
	ctx := t.Context()
	spied.took()
	open := func(dialect, dsn string) *livesql.DB {
		t.Helper()
		db, err := sql.Open("livesql-"+dialect, dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		live, err := livesql.From(ctx, db)
		if err != nil {
			t.Fatal(err)
		}
		return live
	}
	open("spy", "x")
	if _, dials := spied.took(); dials != 0 {
		t.Errorf("From dialled %d times", dials)
	}
	if db, err := sql.Open("livesql-spy", "x?livesql_eager=true"); err != nil {
		t.Error(err)
	} else {
		if _, err := db.Conn(ctx); !errors.Is(err, errSpy) {
			t.Errorf("an eager connection: %v, want the dial's error", err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	off := open("sqlite", server.SQLite(t)+"?livesql_cache=off")
	if err := off.Feed().WaitLive(ctx); !errors.Is(err, listen.ErrNoLog) {
		t.Errorf("the feed of a switched off handle: %v, want ErrNoLog", err)
	}
	if e, err := off.Explain(ctx, "SELECT 1"); err != nil || e.Cached || !strings.Contains(e.Reason, "switched off") {
		t.Errorf("explanation %v, %v; want one that says it is switched off", e, err)
	}
	for param, want := range map[string]bool{"": true, "livesql_install=own": true, "livesql_install=auto": true, "livesql_install=never": false} {
		db := open("sqlite", server.SQLite(t)+"?"+param)
		if _, err := db.Exec("CREATE TABLE t (id INTEGER PRIMARY KEY)"); err != nil {
			t.Fatal(err)
		}
		synced(t, db)
		synced(t, db)
		if e, err := db.Explain(ctx, "SELECT id FROM t"); err != nil || e.Cached != want {
			t.Errorf("%q: explanation %v, %v; want cached %v", param, e, err, want)
		}
	}
	small := open("sqlite", server.SQLite(t)+"?livesql_result_bytes=1&livesql_lease=1m")
	if _, err := small.Exec("CREATE TABLE t (id INTEGER PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	synced(t, small)
	synced(t, small)
	if err := small.QueryRow("SELECT count(*) FROM t").Scan(new(int)); err != nil {
		t.Fatal(err)
	}
	if s := small.CacheStats(); s.Rejected[cache.TooLarge] != 1 {
		t.Errorf("rejected %v, want one result that is too large", s.Rejected)
	}
}

func TestFrom(t *testing.T) {
	ctx := t.Context()
	path := server.SQLite(t)
	handle, err := livesql.Open(ctx, "sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := livesql.From(ctx, handle.DB)
	if err != nil {
		t.Fatal(err)
	}
	if again.DB != handle.DB || again.Feed() != handle.Feed() {
		t.Error("From returns another handle than Open did")
	}
	byName, err := sql.Open("livesql-sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := livesql.From(ctx, byName)
	if err != nil {
		t.Fatal(err)
	}
	if other.Feed() == handle.Feed() {
		t.Error("two handles have one feed")
	}
	plainDB, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := livesql.From(ctx, plainDB); !errors.Is(err, livesql.ErrNotLive) {
		t.Errorf("From of a plain pool: %v, want ErrNotLive", err)
	}
	if s := byName.Stats(); s.InUse != 0 {
		t.Errorf("%d connections are in use after From", s.InUse)
	}
	byName.SetMaxOpenConns(1)
	borrowed, err := byName.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := livesql.From(done, byName); !errors.Is(err, context.Canceled) {
		t.Errorf("From of an exhausted pool: %v, want the context's error", err)
	}
	for _, c := range []interface{ Close() error }{borrowed, byName, plainDB, handle.DB} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := livesql.From(ctx, byName); err == nil {
		t.Error("From of a closed pool returns a handle")
	}
}

// TestShutdown: both ways of closing end the feed.
func TestShutdown(t *testing.T) {
	db, err := livesql.Open(t.Context(), "sqlite", server.SQLite(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Feed().WaitLive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if s := db.Feed().Status().State; s != listen.Closed {
		t.Errorf("the feed is %v after Shutdown", s)
	}
	if err := db.Close(); err != nil {
		t.Errorf("closing a second time: %v", err)
	}
}

// TestInMemoryPassesThrough: every connection has a database of its own.
func TestInMemoryPassesThrough(t *testing.T) {
	db := sqlx.MustConnect("livesql-sqlite", ":memory:")
	defer db.Close()
	db.SetMaxOpenConns(1)
	db.MustExec("CREATE TABLE t (id INTEGER PRIMARY KEY)")
	db.MustExec("INSERT INTO t VALUES (1)")
	for range 2 {
		var n int
		if err := db.Get(&n, "SELECT count(*) FROM t"); err != nil || n != 1 {
			t.Errorf("count %d, %v", n, err)
		}
	}
	live, err := livesql.From(t.Context(), db.DB)
	if err != nil {
		t.Fatal(err)
	}
	if err := live.Feed().WaitLive(t.Context()); !errors.Is(err, listen.ErrNoLog) {
		t.Errorf("the feed says %v, want ErrNoLog", err)
	}
	e, err := live.Explain(t.Context(), "SELECT count(*) FROM t")
	if err != nil || e.Cached || !strings.Contains(e.Reason, "in-memory") {
		t.Errorf("explanation %v, %v; want one that says in-memory", e, err)
	}
}

// TestFromOfMock: the handle of a mock is found, too.
func TestFromOfMock(t *testing.T) {
	m := testdb.Mock(t)
	live, err := livesql.From(t.Context(), m.DB.DB)
	if err != nil || live.Feed() != m.DB.Feed() {
		t.Errorf("From of a mock: %v", err)
	}
}

// traced is a wrapper around livesql's connector, as those for tracing are: they tell
// what is behind their connections.
type traced struct{ sqldriver.Connector }

func (c traced) Connect(ctx context.Context) (sqldriver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return tracedConn{conn}, nil
}

type tracedConn struct{ sqldriver.Conn }

func (c tracedConn) Raw() sqldriver.Conn { return c.Conn }

// TestFromBehindWrappers: the handle of a connector is found behind what the program
// has put around it.
func TestFromBehindWrappers(t *testing.T) {
	d, err := dialects.Lookup("sqlite")
	if err != nil {
		t.Fatal(err)
	}
	inner, err := d.Connector(server.SQLite(t))
	if err != nil {
		t.Fatal(err)
	}
	connector, err := livesql.NewConnector("sqlite", inner)
	if err != nil {
		t.Fatal(err)
	}
	direct, around := sql.OpenDB(connector), sql.OpenDB(traced{traced{connector}})
	defer direct.Close()
	defer around.Close()
	want, err := livesql.From(t.Context(), direct)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := livesql.From(t.Context(), around); err != nil || got.Feed() != want.Feed() || got.DB != around {
		t.Errorf("%v, %v; want the handle of the connector", got, err)
	}
}
