package measure

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lib/pq"
	"go.uber.org/goleak"

	"github.com/vantage-go/live/dialects/mysql"
	"github.com/vantage-go/live/dialects/postgres"
	"github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/conform"
	"github.com/vantage-go/live/testdb/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rows is how many rows each table has. Clients write to any of them.
const rows = 10_000

// pairs and span are how often the two tables are written to, and how long
// each time.
func plan() (pairs int, span time.Duration) {
	if conform.Long() {
		return 9, 2 * time.Second
	}
	return 1, 50 * time.Millisecond
}

// subject is a database with a feed that follows it.
type subject struct {
	dialect interface {
		listen.Backer
		listen.Capturer
	}
	db      *sql.DB
	dsn     string
	clients int
	update  string // of one row, with a verb for the table
	bells   []listen.Bell
	// asleep is a reader that hears the bell and goes on sleeping.
	asleep func(t *testing.T)
	judged bool // the bar of the triggers alone holds for it
}

// TestCost prints the rate of one-row transactions with capture as a share of
// that without.
//
// PostgreSQL is measured on the disk that there is, and on one whose flushes
// take a millisecond more: commit_delay makes whoever flushes wait that long
// before, while the others queue. Where a flush costs nothing, the processors
// are all that limits both rates, and the ratio is that of what is executed.
// See docs/feeds.md for what that consists of. The bar is for the triggers alone,
// and judged on the slower disk, where a machine that is busy with something
// else does not decide.
func TestCost(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) subject{
		"postgres": openPostgres, "postgres, a flush takes 1 ms more": openSlowPostgres,
		"mariadb": openMariaDB, "sqlite": openSQLite,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			s.fill(t)
			for _, bell := range s.bells {
				t.Run("bell "+string(bell), func(t *testing.T) { s.measure(t, bell, nil) })
			}
			if s.asleep != nil {
				t.Run("triggers alone", func(t *testing.T) { s.measure(t, listen.BellGated, func(*testing.T) {}) })
				t.Run("a reader that does not get up", func(t *testing.T) { s.measure(t, listen.BellGated, s.asleep) })
			}
		})
	}
}

func openPostgres(t *testing.T) subject {
	t.Helper()
	return postgresSubject(t)
}

// sleep takes the lock that says to writers that a reader sleeps.
const sleep = "SELECT pg_advisory_lock_shared(1818850919, 0)"

func openSlowPostgres(t *testing.T) subject {
	t.Helper()
	s := postgresSubject(t, server.Setting("commit_delay", "1000"), server.Setting("commit_siblings", "0"))
	s.bells = []listen.Bell{listen.BellGated}
	s.judged = true
	return s
}

func postgresSubject(t *testing.T, settings ...server.Option) subject {
	t.Helper()
	own := server.OwnPostgres(t, append(settings,
		server.Setting("fsync", "on"), server.Setting("synchronous_commit", "on"), server.Setting("max_connections", "60"),
		server.Setting("max_prepared_transactions", "0"))...) // or nothing rings
	d := own.Database(t)
	return subject{
		dialect: postgres.Dialect{}, db: d.DB(), dsn: d.DSN(), clients: 16,
		update: "UPDATE %s SET n = n + 1 WHERE id = $1",
		bells:  []listen.Bell{listen.BellGated, listen.BellEvery, listen.BellApp, listen.BellPoll},
		asleep: func(t *testing.T) {
			t.Helper()
			sleeper, err := d.DB().Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = sleeper.Close() })
			if _, err := sleeper.ExecContext(t.Context(), sleep); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if _, err := sleeper.ExecContext(context.WithoutCancel(t.Context()), "SELECT pg_advisory_unlock_all()"); err != nil {
					t.Error(err)
				}
			})
			l := pq.NewListener(d.DSN(), time.Second, time.Minute, nil)
			first, heard := make(chan struct{}), 0
			var hearing sync.WaitGroup
			hearing.Go(func() {
				for range l.Notify { // which Close closes
					if heard++; heard == 1 {
						close(first)
					}
				}
			})
			t.Cleanup(func() {
				select {
				case <-first:
				case <-time.After(time.Minute):
					t.Error("the bell was silent: nothing was measured of it")
				}
				_ = l.Close()
				hearing.Wait()
				t.Logf("the bell rang %d times", heard)
			})
			if err := l.Listen("livesql"); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func openMariaDB(t *testing.T) subject {
	t.Helper()
	own := server.OwnMariaDB(t, server.Setting("innodb_flush_log_at_trx_commit", "1"), server.Setting("innodb_flush_method", "fsync"))
	d := own.Database(t)
	return subject{
		dialect: mysql.Dialect{}, db: d.DB(), dsn: d.DSN(), clients: 16,
		update: "UPDATE %s SET n = n + 1 WHERE id = ?",
		bells:  []listen.Bell{listen.BellPoll},
	}
}

func openSQLite(t *testing.T) subject {
	t.Helper()
	dsn := "file:" + server.SQLite(t) + "?_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=busy_timeout(10000)"
	connector, err := sqlite.Dialect{}.Connector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return subject{
		dialect: sqlite.Dialect{}, db: db, dsn: dsn, clients: 1,
		update: "UPDATE %s SET n = n + 1 WHERE id = ?",
		bells:  []listen.Bell{listen.BellPoll},
	}
}

func (s *subject) fill(t *testing.T) {
	t.Helper()
	s.db.SetMaxIdleConns(s.clients)
	for _, table := range []string{"plain", "captured"} {
		must(t, s.db, "CREATE TABLE "+table+" (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL, note VARCHAR(100))")
		must(t, s.db, "INSERT INTO "+table+" WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 1000) SELECT i, 0, 'some words that make the row longer' FROM r")
		for done := 1000; done < rows; done *= 2 {
			must(t, s.db, fmt.Sprintf("INSERT INTO %s SELECT id + %d, 0, note FROM %[1]s WHERE id + %[2]d <= %d", table, done, rows))
		}
	}
}

func must(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// measure prints the ratio of one mode: with a feed that takes its share of the
// same cores, or of the triggers alone, after whatever alone sets up instead of a feed.
func (s *subject) measure(t *testing.T, bell listen.Bell, alone func(t *testing.T)) {
	t.Helper()
	if _, err := s.dialect.Install(t.Context(), s.db, listen.InstallOptions{Tables: []string{"captured"}, Bell: bell}); err != nil {
		t.Fatal(err)
	}
	var feed *listen.Feed
	if alone != nil {
		alone(t)
	} else {
		feed = s.follow(t)
	}
	pairs, span := plan()
	var ratios, captured, plain []float64
	for i := range pairs {
		order := []string{"plain", "captured"}
		if i%2 == 1 {
			slices.Reverse(order)
		}
		rate := map[string]float64{}
		for _, table := range order {
			committed := func() {}
			if bell == listen.BellApp && table == "captured" {
				committed = feed.Committed
			}
			rate[table] = s.write(t, table, span, committed)
		}
		ratios = append(ratios, rate["captured"]/rate["plain"])
		captured, plain = append(captured, rate["captured"]), append(plain, rate["plain"])
	}
	if feed != nil {
		if err := feed.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		status := feed.Status()
		if status.State != listen.Live || status.Changes == 0 {
			t.Errorf("the feed is %v after %d changes: %v", status.State, status.Changes, status.Err)
		}
	}
	slices.Sort(ratios)
	t.Logf("%d clients, %d pairs of %v: %.0f transactions/s captured, %.0f not; ratio %.2f (%.2f to %.2f)",
		s.clients, pairs, span, median(captured), median(plain), median(ratios), ratios[0], ratios[len(ratios)-1])
	if conform.Long() && strings.HasSuffix(t.Name(), "triggers_alone") && median(ratios) < 0.7 {
		say := t.Logf // depends on what else the machine does
		if s.judged {
			say = t.Errorf
		}
		say("capture costs the writers %.0f %% of their rate, which is more than the bar of 30 %%", 100*(1-median(ratios)))
	}
}

// follow starts a feed, as a process that reads would have one.
func (s *subject) follow(t *testing.T) *listen.Feed {
	t.Helper()
	connector, err := s.dialect.Connector(s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := s.dialect.Backend(listen.BackendConfig{
		Connector: connector, DSN: s.dsn, Install: listen.InstallNever, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	feed := listen.NewFeed(backend)
	feed.Start()
	t.Cleanup(func() {
		if err := feed.Close(); err != nil {
			t.Error(err)
		}
		if err := backend.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := feed.WaitLive(ctx); err != nil {
		t.Fatal(err)
	}
	return feed
}

// write lets all clients write for a while and returns how many transactions
// they committed in a second.
func (s *subject) write(t *testing.T, table string, span time.Duration, committed func()) float64 {
	t.Helper()
	statement := fmt.Sprintf(s.update, table)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var done atomic.Int64
	var wg sync.WaitGroup
	begun := time.Now()
	for range s.clients {
		wg.Go(func() {
			prepared, err := s.db.PrepareContext(ctx, statement)
			if err != nil {
				t.Error(err)
				return
			}
			defer prepared.Close()
			for time.Since(begun) < span {
				if _, err := prepared.ExecContext(ctx, 1+rand.N(rows)); err != nil {
					t.Error(err)
					return
				}
				done.Add(1)
				committed()
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(begun).Seconds()
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
