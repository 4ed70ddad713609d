package pgx

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/goleak"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	write    = "INSERT INTO item DEFAULT VALUES"
	patience = 20 * time.Second
)

// reader is what the dialect's readers can do.
type reader interface {
	listen.Reader
	listen.Ringer
	listen.Describer
	listen.Pacer
}

// follower polls by hand.
type follower struct {
	t      *testing.T
	source listen.Backend
	reader reader
	cursor listen.Cursor
}

func follow(t *testing.T, config listen.BackendConfig) *follower {
	t.Helper()
	config.Log = slog.New(slog.DiscardHandler)
	b, err := Dialect{}.Backend(config)
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{t: t, source: b}
	t.Cleanup(func() {
		f.close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	f.connect()
	f.poll()
	return f
}

func (f *follower) close() {
	if f.reader != nil {
		if err := f.reader.Close(); err != nil {
			f.t.Error(err)
		}
		f.reader = nil
	}
}

func (f *follower) connect() {
	f.t.Helper()
	f.close()
	r, err := f.source.Connect(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	f.reader = r.(reader)
}

func (f *follower) poll() listen.Delta {
	f.t.Helper()
	delta, err := f.reader.Poll(context.Background(), f.cursor)
	if err != nil {
		f.t.Fatal(err)
	}
	f.cursor = delta.Cursor
	return delta
}

func (f *follower) expect(key any) {
	f.t.Helper()
	delta := f.poll()
	if delta.Reset != "" || len(delta.Changes) != 1 || delta.Changes[0].Key != key {
		f.t.Errorf("%+v, want one change with key %v", delta, key)
	}
}

// asleep is how rarely a reader polls that relies on others to ring.
const asleep = 500 * time.Millisecond

func (f *follower) untilAsleep(as string) {
	f.t.Helper()
	over := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		f.poll()
		if f.reader.Describe() == as && f.reader.Pace().Max >= asleep {
			return
		}
		select {
		case <-f.reader.Bell():
		case <-tick.C:
		case <-over:
			f.t.Fatalf("described as %q, waited for %q", f.reader.Describe(), as)
		}
	}
}

func connectorOf(t *testing.T, dsn string) sqldriver.Connector {
	t.Helper()
	c, err := Dialect{}.Connector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func exec(t *testing.T, d *server.Database, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := d.DB().ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func captured(t *testing.T, d *server.Database) {
	t.Helper()
	exec(t, d, "CREATE TABLE item (id bigserial PRIMARY KEY)")
	if _, err := (Dialect{}).Install(t.Context(), d.DB(), listen.InstallOptions{Bell: listen.BellGated}); err != nil {
		t.Fatal(err)
	}
}

func TestFeedThroughPgx(t *testing.T) {
	s := server.OwnPostgres(t, server.Setting("max_prepared_transactions", "0"))
	d := s.Database(t)
	captured(t, d)

	config, err := pgx.ParseConfig(d.DSN())
	if err != nil {
		t.Fatal(err)
	}
	registered := stdlib.RegisterConnConfig(config)
	defer stdlib.UnregisterConnConfig(registered)
	pool, err := pgxpool.New(t.Context(), d.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	id := int64(0)
	for name, config := range map[string]listen.BackendConfig{
		"data source name": {Connector: connectorOf(t, d.DSN()), DSN: d.DSN()},
		"registered":       {Connector: connectorOf(t, registered), DSN: registered},
		"connector":        {Connector: stdlib.GetConnector(*config)},
		"pool":             {Connector: stdlib.GetPoolConnector(pool)},
		"feed":             {Connector: connectorOf(t, "host=/nowhere"), FeedDSN: d.DSN()},
	} {
		t.Run(name, func(t *testing.T) {
			f := follow(t, config)
			f.untilAsleep("bell gated")
			select {
			case <-f.reader.Bell():
			default:
			}
			exec(t, d, write)
			id++
			select {
			case <-f.reader.Bell():
			case <-time.After(patience):
				t.Fatal("nobody rang")
			}
			f.expect(id)
			exec(t, d, write)
			id++
			f.connect()
			f.expect(id)
		})
	}
	// Nothing that listens was given back to the pool.
	for _, c := range pool.AcquireAllIdle(t.Context()) {
		var n int
		if err := c.QueryRow(t.Context(), "SELECT count(*) FROM pg_listening_channels()").Scan(&n); err != nil || n > 0 {
			t.Errorf("a connection of the pool listens to %d channels: %v", n, err)
		}
		c.Release()
	}
}

func TestDeadNetwork(t *testing.T) {
	d := server.Postgres(t)
	captured(t, d)
	p := server.NewProxy(t, d.Addr())
	dsn := d.DSNVia(p.Addr())
	for _, explicit := range []bool{true, false} {
		f := follow(t, listen.BackendConfig{Connector: connectorOf(t, dsn), DSN: dsn})
		p.Blackhole()
		polled := make(chan error, 1)
		ctx := context.Background()
		if !explicit {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
		}
		r := f.reader
		go func() {
			_, err := r.Poll(ctx, f.cursor)
			polled <- err
		}()
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			if explicit {
				f.close()
			}
		}()
		for range 2 {
			select {
			case err := <-polled:
				if err == nil {
					t.Error("a poll over a dead network")
				}
				polled = nil
			case <-closed:
				closed = nil
			case <-time.After(4 * time.Second): // a bell that dials gives up after five
				t.Fatal("it hangs")
			}
		}
		f.close()
		if err := p.Heal(); err != nil {
			t.Fatal(err)
		}
		f.connect()
		f.poll()
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
	b, err := Dialect{}.Backend(listen.BackendConfig{Connector: mock{t}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Connect(t.Context()); !errors.Is(err, listen.ErrNoLog) {
		t.Errorf("connecting with a mock: %v", err)
	}
}
