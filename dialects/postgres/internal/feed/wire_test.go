package feed

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects/postgres/internal/libpq"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// prompt is how soon something must end that waits for a dead network. A busy machine
// takes its time: what is waited for must take much longer.
const prompt = patience

// within runs f and fails the test if it takes longer than prompt.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(prompt):
		t.Errorf("%s: it hangs", what)
		<-done
	}
}

func TestDeadNetwork(t *testing.T) {
	d := captured(t)
	p := server.NewProxy(t, d.Addr())
	dsn := d.DSNVia(p.Addr())
	for name, config := range map[string]listen.BackendConfig{
		"data source name": {Connector: connectorOf(t, dsn), DSN: dsn},
		"connector":        {Connector: connectorOf(t, dsn)},
		"feed":             {Connector: connectorOf(t, "host=/nowhere"), FeedDSN: dsn},
	} {
		for fault, breakIt := range map[string]func(){
			"black hole": p.Blackhole,
			"half open":  func() { p.HalfOpen(server.ToServer) },
		} {
			t.Run(name+"/"+fault, func(t *testing.T) {
				f := &follower{t: t, backend: backendOf(t, libpq.Driver, config)}
				t.Cleanup(f.close)
				f.backend.times.dial, f.backend.times.answer = time.Hour, time.Hour
				f.connect()
				f.poll()
				breakIt()
				// A poll that has a deadline, which the feed also enforces by
				// closing, and one that has none.
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				defer context.AfterFunc(ctx, func() { _ = f.reader.Close() })()
				within(t, "polling", func() {
					if _, err := f.reader.Poll(ctx, f.cursor); err == nil {
						t.Error("a poll over a dead network")
					}
				})
				within(t, "closing", f.close)

				p.Blackhole()
				ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				within(t, "connecting", func() {
					if _, err := f.backend.Connect(ctx); err == nil {
						t.Error("connected to nothing")
					}
				})
				if err := p.Heal(); err != nil {
					t.Fatal(err)
				}
				fixtureExec(t, d.DB(), "TRUNCATE item", "INSERT INTO item (id) VALUES (1)")
				f.connect()
				f.expect(f.poll(), "", "T item")
			})
		}
	}
}

func TestCloseEndsAPoll(t *testing.T) {
	d := captured(t)
	f := follow(t, d.SocketDSN())
	// Somebody holds the log's lock.
	tx, err := d.DB().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	fixtureExec(t, tx, "LOCK TABLE livesql.log")
	polled := make(chan error, 1)
	go func() {
		_, err := f.reader.Poll(context.Background(), f.cursor)
		polled <- err
	}()
	waiting := "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
	for fixtureValue[int](t, d.DB(), waiting) == 0 {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
	within(t, "closing", f.close)
	within(t, "polling", func() {
		if err := <-polled; err == nil {
			t.Error("the poll did not fail")
		}
	})
	// The server was asked not to go on waiting.
	for end := time.Now().Add(patience); fixtureValue[int](t, d.DB(), waiting) > 0; {
		if time.Now().After(end) {
			t.Fatal("the server still waits for the lock")
		}
	}
}

// mock is a connector of a driver of which nothing is known.
type mock struct{ t *testing.T }

func (m mock) Connect(context.Context) (sqldriver.Conn, error) {
	m.t.Error("a mock was asked to connect")
	return nil, errors.New("mock")
}

func (m mock) Driver() sqldriver.Driver { return m }

func (m mock) Open(string) (sqldriver.Conn, error) { return m.Connect(m.t.Context()) }

func TestUnknownConnectorIsLeftAlone(t *testing.T) {
	b := backendOf(t, libpq.Driver, listen.BackendConfig{Connector: mock{t}, DSN: "mocked"})
	if _, err := b.Connect(t.Context()); !errors.Is(err, listen.ErrNoLog) {
		t.Errorf("connecting with a mock: %v", err)
	}
	if a, err := b.Analyze(t.Context(), "INSERT INTO t VALUES (1)"); err != nil || !a.WritesAll {
		t.Errorf("%+v, %v", a, err)
	}
	// With a data source name for the feed it is not asked either.
	f := followWith(t, listen.BackendConfig{Connector: mock{t}, DSN: "mocked", FeedDSN: captured(t).SocketDSN()})
	f.expect(f.poll(), "")
	if _, err := NewBackend(libpq.Driver, listen.BackendConfig{Connector: mock{t}, FeedDSN: "postgres://%zz"}); err == nil {
		t.Error("a bad data source name was taken")
	}
}

func TestServerThatIsNotPostgres(t *testing.T) {
	d := server.Postgres(t)
	// A server without the functions that the feed asks for.
	dsn := d.SocketDSN("options=-c%20search_path=mine,pg_catalog")
	fixtureExec(t, d.DB(), "CREATE SCHEMA mine", "CREATE FUNCTION mine.pg_is_in_recovery() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE SQLSTATE ''42883''; END'")
	b := backendOf(t, libpq.Driver, listen.BackendConfig{Connector: connectorOf(t, dsn), DSN: dsn})
	if _, err := b.Connect(t.Context()); !errors.Is(err, listen.ErrNoLog) {
		t.Errorf("connecting to something else: %v", err)
	}
}
