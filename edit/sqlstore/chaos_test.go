package sqlstore_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
	"github.com/vantage-go/live/testdb/server"
)

// storm is one server of its own, with savers, which is killed again and again.
type storm struct {
	testing.TB
	server *server.Server
	kit    kit

	bakeries *edit.Editor[int64, counted]
	store    *sqlstore.Store
	writer   *edit.Writer
	ambush   ambush

	done, unknown, refused atomic.Int64
	reasonMu               sync.Mutex
	reason                 error // of one refusal
}

// hotRows is how few rows all savers share.
const hotRows = 25

// TestServerKilled kills the server while it is being written to, at any moment
// and in COMMITs. Every save has one outcome, which is so: what was saved is
// there once, what failed is not, and nothing is left unknown, since there is a
// ledger.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	savers, kills := 1000, 3
	if os.Getenv("LIVESQL_LONG") != "" {
		savers, kills = 3000, 25
	}
	for name, open := range map[string]func(tb testing.TB) (*server.Server, kit){"postgres": ownPostgres, "postgres_counted": countedPostgres, "mariadb": ownMariaDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &storm{TB: t, ambush: ambush{reached: make(chan struct{}), killed: make(chan struct{})}}
			s.server, s.kit = open(t)
			s.start()
			s.run(savers, kills)
		})
	}
}

func ownPostgres(tb testing.TB) (*server.Server, kit) {
	tb.Helper()
	s := server.OwnPostgres(tb)
	dsn := s.Database(tb).DSN()
	return s, kit{"postgres", dialects.Postgres, func(tb testing.TB) sqldriver.Connector {
		tb.Helper()
		return must[*pq.Connector](tb)(pq.NewConnector(dsn))
	}, false}
}

func countedPostgres(tb testing.TB) (*server.Server, kit) {
	tb.Helper()
	s, k := ownPostgres(tb)
	return s, k.counted()
}

func ownMariaDB(tb testing.TB) (*server.Server, kit) {
	tb.Helper()
	s := server.OwnMariaDB(tb)
	config := must[*mysql.Config](tb)(mysql.ParseDSN(s.Database(tb).DSN("parseTime=true")))
	config.Logger = &mysql.NopLogger{}
	return s, kit{"mariadb", dialects.MySQL, func(tb testing.TB) sqldriver.Connector {
		tb.Helper()
		return must[sqldriver.Connector](tb)(mysql.NewConnector(config))
	}, false}
}

func (s *storm) start() {
	s.Helper()
	b := s.kit.start(s, nil)
	for i := range hotRows {
		b.exec(fmt.Sprintf("INSERT INTO bakery (id, name, version) VALUES (%d, 'bakery %d', 1)", i+1, i))
	}
	pool := sql.OpenDB(&watched{b.connector, &s.ambush})
	s.Cleanup(func() { _ = pool.Close() })
	s.store = sqlstore.New(pool, s.kit.flavor, s.kit.options(sqlstore.WithLedger())...)
	s.Cleanup(func() { _ = s.store.Close() })
	if err := s.store.InstallLedger(context.Background()); err != nil {
		s.Fatal(err)
	}
	s.writer = edit.NewWriter(s.store, edit.Retries(50, time.Millisecond, 100*time.Millisecond), edit.Patience(5*time.Minute))
	s.Cleanup(func() { _ = s.writer.Close() })
	t := must[*edit.Table](s)(sqlstore.Table[counted](context.Background(), s.store, "", "bakery"))
	s.bakeries = must[*edit.Editor[int64, counted]](s)(edit.NewEditor[int64, counted](s.writer, t))
}

// ambush holds one COMMIT up until the server is killed: before it is sent, or
// when it is executed and its answer is under way.
type ambush struct {
	before, after   atomic.Bool
	reached, killed chan struct{}
}

func (a *ambush) wait() error {
	a.reached <- struct{}{}
	<-a.killed
	return io.ErrUnexpectedEOF
}

// watched is a connector whose COMMITs fall into an ambush.
type watched struct {
	sqldriver.Connector
	ambush *ambush
}

func (w *watched) Connect(ctx context.Context) (sqldriver.Conn, error) {
	return connect(ctx, w.Connector, func(c cutConn) sqldriver.Conn { return &watchedConn{c, w.ambush} })
}

type watchedConn struct {
	cutConn
	ambush *ambush
}

func (c *watchedConn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	commit := strings.HasPrefix(query, "COMMIT")
	if commit && c.ambush.before.CompareAndSwap(true, false) {
		c.cut = true
		return nil, c.ambush.wait()
	}
	r, err := c.cutConn.ExecContext(ctx, query, args)
	if commit && err == nil && c.ambush.after.CompareAndSwap(true, false) {
		c.cut = true
		return nil, c.ambush.wait()
	}
	return r, err
}

// save counts one row once, and notes what became of it.
func (s *storm) save(ctx context.Context, id int64) {
	var e *edit.RecordEdit[int64, counted]
	for {
		var err error
		if e, err = s.bakeries.Edit(ctx, id); err == nil {
			break
		}
		select { // the server is away: it cannot be read
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			s.Errorf("not even read: %v", err)
			return
		}
	}
	defer e.Close()
	e.V.Stock++
	p := e.SaveAsync()
	_, err := p.Wait(ctx)
	switch {
	case err == nil:
		s.done.Add(1)
	case errors.Is(err, edit.ErrOutcomeUnknown):
		s.unknown.Add(1)
	default:
		s.refused.Add(1)
		s.reasonMu.Lock()
		s.reason = err
		s.reasonMu.Unlock()
	}
	// Once it has ended, it stays as it ended.
	again, errAgain := p.Wait(ctx)
	if (err == nil) != (errAgain == nil) || err == nil && again.Kind != edit.Saved {
		s.Errorf("ended as %v, and as %v, %v", err, again.Kind, errAgain)
	}
}

func (s *storm) run(savers, kills int) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	stop := make(chan struct{})
	var all sync.WaitGroup
	var saved atomic.Int64
	for range savers {
		all.Go(func() {
			for {
				s.save(ctx, rand.Int64N(hotRows)+1)
				saved.Add(1)
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for kill := range kills {
		before := saved.Load()
		for saved.Load() < before+int64(savers)/2 && ctx.Err() == nil { // until it writes again
			time.Sleep(time.Millisecond)
		}
		ambushed := kill%3 < 2
		switch kill % 3 {
		case 0:
			s.ambush.after.Store(true)
		case 1:
			s.ambush.before.Store(true)
		}
		if ambushed {
			select {
			case <-s.ambush.reached:
			case <-ctx.Done():
				s.Fatal("no COMMIT")
			}
		}
		err := s.server.Kill()
		if ambushed {
			s.ambush.killed <- struct{}{}
		}
		if err != nil {
			s.Fatal(err)
		}
		if err := s.server.Start(ctx); err != nil {
			s.Fatal(err)
		}
	}
	close(stop)
	all.Wait()
	if err := s.writer.Flush(ctx); err != nil {
		s.Fatal(err)
	}
	db := sql.OpenDB(s.kit.open(s))
	defer db.Close()
	var stock, versions int64
	if err := db.QueryRowContext(ctx, "SELECT SUM(stock), SUM(version) FROM bakery").Scan(&stock, &versions); err != nil {
		s.Fatal(err)
	}
	if s.unknown.Load() > 0 || s.refused.Load() > 0 {
		s.Errorf("%d outcomes are unknown, %d saves were refused: %v", s.unknown.Load(), s.refused.Load(), s.reason)
	}
	if stock != s.done.Load() {
		s.Errorf("%d are counted, %d saves are done", stock, s.done.Load())
	}
	// Saves of one row share an update: a version counts updates.
	if updates := versions - hotRows; updates <= 0 || updates > stock {
		s.Errorf("%d updates for %d saves", updates, stock)
	}
	stats := s.writer.Stats()
	s.Logf("%s: %d saves, %d updates, %d outcomes looked up, %d sent again", s.kit.name, stock, versions-hotRows, stats.Unknown, stats.Retries)
	if stats.Unknown == 0 {
		s.Error("no COMMIT was lost")
	}
	if stats.Accepted != stats.Done || stats.Failed != 0 || stats.Queued != 0 || stats.InFlight != 0 {
		s.Errorf("stats are %+v", stats)
	}
}

// TestDeadlocks has another program lock rows against the order of the keys, so
// that batches meet deadlocks: they are sent again, and nothing is lost or done
// twice.
func TestDeadlocks(t *testing.T) {
	t.Parallel()
	rounds := 8
	if os.Getenv("LIVESQL_LONG") != "" {
		rounds = 300
	}
	for _, k := range allKits() {
		if k.flavor == dialects.SQLite {
			continue // has one lock for all
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()
			const rows, enough = 10, 2
			var met atomic.Int64
			b := k.start(t, nil)
			patient := "SELECT 1"
			if k.flavor == dialects.Postgres { // who looks first is the victim: we
				name := one[string](b, "SELECT current_database()")
				b.exec("ALTER DATABASE \"" + name + "\" SET deadlock_timeout = '50ms'")
				patient = "SET LOCAL deadlock_timeout = '1min'"
			}
			for i := range rows {
				b.exec(fmt.Sprintf("INSERT INTO bakery (id, name, version) VALUES (%d, 'bakery %d', 1)", i+1, i))
			}
			ours := b.another(t, edit.Retries(100, time.Millisecond, 20*time.Millisecond), edit.Patience(5*time.Minute), edit.Linger(5*time.Millisecond),
				edit.Observe(func(e edit.Event) {
					if e.State == edit.Transient {
						met.Add(1)
					}
				}))
			var foreign, own int64
			for round := 0; (round < rounds || met.Load() < enough) && ctx.Err() == nil; round++ {
				// They hold the last row, and ask for the first when ours has it.
				tx, err := b.db.BeginTx(ctx, nil)
				if err != nil {
					t.Fatal(err)
				}
				// Who has written more is not the victim elsewhere.
				var many []string
				for i := range 50 {
					many = append(many, fmt.Sprintf("(%d, 'x')", round*100+i))
				}
				for _, text := range []string{patient, "INSERT INTO shelf (a, b) VALUES " + strings.Join(many, ", ")} {
					if _, err := tx.ExecContext(ctx, text); err != nil {
						t.Fatal(err)
					}
				}
				step := func(id int) error {
					_, err := tx.ExecContext(ctx, fmt.Sprintf("UPDATE bakery SET stock = stock + 1, version = version + 1 WHERE id = %d", id))
					return err
				}
				if err := step(rows); err != nil {
					t.Fatal(err)
				}
				var saves []*edit.Pending[int64, counted]
				for i := range rows {
					e := must[*edit.RecordEdit[int64, counted]](t)(ours.Edit(ctx, int64(i+1)))
					e.V.Stock++
					saves = append(saves, e.SaveAsync())
					_ = e.Close()
				}
				for free := true; free && ctx.Err() == nil; { // until ours has it
					_, err := b.db.ExecContext(ctx, "SELECT id FROM bakery WHERE id = 1 FOR UPDATE NOWAIT")
					free = err == nil
					select {
					case <-saves[0].Done(): // in a batch without the last row
						free = false
					default:
					}
				}
				err = step(1)
				if err == nil {
					err = tx.Commit()
				} else {
					_ = tx.Rollback() // they were the victim
				}
				if err == nil {
					foreign += 2
				}
				for _, p := range saves {
					if _, err := p.Wait(ctx); err != nil {
						t.Error(err)
						continue
					}
					own++
				}
			}
			if sum := one[int64](b, "SELECT SUM(stock) FROM bakery"); sum != own+foreign {
				t.Errorf("%d in stock after %d saves and %d of others", sum, own, foreign)
			}
			if sum := one[int64](b, "SELECT SUM(version) FROM bakery"); sum != own+foreign+rows {
				t.Errorf("versions have counted %d of %d", sum-rows, own+foreign)
			}
			if met.Load() < enough {
				t.Errorf("only %d operations met a deadlock", met.Load())
			}
			t.Logf("%d saves, %d by others, %d operations met a deadlock", own, foreign, met.Load())
		})
	}
}
