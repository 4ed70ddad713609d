package sqlstore_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
)

// onPostgres runs a test on each driver of Postgres, whose connections remember what
// was sent. Saves that come together are sent together.
func onPostgres(t *testing.T, test func(t *testing.T, b *bench, sent *listener), opts ...edit.Option) {
	t.Helper()
	for _, k := range kitsOf(dialects.Postgres) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			sent := &listener{}
			b := k.start(t, func(c sqldriver.Connector) sqldriver.Connector {
				sent.Connector = c
				return sent
			}, append(opts, edit.Linger(20*time.Millisecond))...)
			b.exec("INSERT INTO bakery (id, name, version) VALUES (1, 'Rye', 1), (2, 'Bun', 1), (3, 'Roll', 1)",
				"SELECT setval(pg_get_serial_sequence('bakery', 'id'), 3)")
			test(t, b, sent)
		})
	}
}

// atOnce saves sessions at once, and returns what became of each.
func atOnce[K comparable, T any](edits ...*edit.RecordEdit[K, T]) (errs []error) {
	saves := make([]*edit.Pending[K, T], len(edits))
	for i, e := range edits {
		saves[i] = e.SaveAsync()
	}
	for _, p := range saves {
		_, err := p.Wait(context.Background())
		errs = append(errs, err)
	}
	return errs
}

// TestAlone: what one statement does, which can be looked at afterwards, is a
// transaction by itself; what needs more than one, or could not be told apart, is in
// one.
func TestAlone(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, b *bench, sent *listener) {
		t.Helper()
		counters := editorOf[int64, counted](b, "bakery")
		stock := func(ids ...int64) (edits []*edit.RecordEdit[int64, bakery]) {
			for _, id := range ids {
				e := b.edit(id)
				e.V.Stock++
				edits = append(edits, e)
			}
			return edits
		}
		saved := errors.Join
		for _, c := range []struct {
			name  string
			save  func() error
			begun int
		}{
			{"rows of one table", func() error { return saved(atOnce(stock(1, 2, 3)...)...) }, 0},
			{"a row that has changed meanwhile", func() error {
				edits := stock(1, 2, 3)
				b.exec("UPDATE bakery SET city = 'Riga', version = version + 1 WHERE id = 2")
				return saved(atOnce(edits...)...)
			}, 1}, // for that one
			{"other columns", func() error {
				edits := stock(1, 2)
				edits[1].V.Name = "Baguette"
				return saved(atOnce(edits...)...)
			}, 1},
			{"a new row", func() error { return saved(atOnce(b.make(bakery{Name: "new"}), b.make(bakery{Name: "newer"}))...) }, 1},
			{"a group", func() error {
				edits := stock(1, 2)
				return edit.Group(context.Background(), edits[0], edits[1])
			}, 1},
			{"counters", func() error {
				var edits []*edit.RecordEdit[int64, counted]
				for _, id := range []int64{1, 2} {
					e := must[*edit.RecordEdit[int64, counted]](t)(counters.Edit(context.Background(), id))
					defer e.Close()
					e.V.Stock++
					edits = append(edits, e)
				}
				return saved(atOnce(edits...)...)
			}, 1},
			{"deleted rows", func() error {
				one, two := b.edit(1), b.edit(3)
				var errs [2]error
				var both sync.WaitGroup
				both.Go(func() { _, errs[0] = one.Delete(context.Background()) })
				both.Go(func() { _, errs[1] = two.Delete(context.Background()) })
				both.Wait()
				return saved(errs[:]...)
			}, 0},
		} {
			sent.heard()
			if err := c.save(); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			begun := 0
			for _, s := range sent.heard() {
				if strings.HasPrefix(s, "BEGIN") {
					begun++
				}
			}
			if begun != c.begun {
				t.Errorf("%s: %d transactions were begun, want %d", c.name, begun, c.begun)
			}
		}
		if n := one[int](b, "SELECT COUNT(*) FROM bakery WHERE id IN (1, 3) OR name = 'Baguette' AND city = 'Riga' AND stock = 5"); n != 1 {
			t.Error("the rows are not what was saved")
		}
	})
}

// TestRefusedAlone: of rows that are sent together, only those that the database
// refuses, or that others hold, are not written.
func TestRefusedAlone(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, b *bench, _ *listener) {
		t.Helper()
		var edits []*edit.RecordEdit[int64, bakery]
		for id, stock := range []int{5, -1, 7} {
			e := b.edit(int64(id + 1))
			e.V.Stock = stock
			edits = append(edits, e)
		}
		errs := atOnce(edits...)
		if errs[0] != nil || !errors.Is(errs[1], edit.ErrCheck) || errs[2] != nil {
			t.Errorf("errors are %v", errs)
		}
		if n := one[int](b, "SELECT COUNT(*) FROM bakery WHERE id = 1 AND stock = 5 AND version = 2 OR id = 2 AND version = 1 OR id = 3 AND stock = 7 AND version = 2"); n != 3 {
			t.Errorf("%d rows are right", n)
		}
	})
}

// fussy does not take every city.
type fussy string

func (f *fussy) Scan(src any) error {
	text := fmt.Sprintf("%s", src)
	if text == "Atlantis" {
		return errors.New("there is no such city")
	}
	*f = fussy(text)
	return nil
}

// TestUnreadRow: a row that was written, and cannot be read, was written. Others that
// were sent with it are read all the same.
func TestUnreadRow(t *testing.T) {
	t.Parallel()
	type row struct {
		ID      int64 `db:"id,pk"`
		City    fussy `db:"city"`
		Stock   int   `db:"stock"`
		Version int64 `db:"version,version"`
	}
	onPostgres(t, func(t *testing.T, b *bench, _ *listener) {
		t.Helper()
		if b.kit.counts {
			return // no row comes back
		}
		b.exec("UPDATE bakery SET city = 'Riga'")
		editor := editorOf[int64, row](b, "bakery")
		for _, sets := range [][]int64{{1}, {1, 2, 3}} {
			var edits []*edit.RecordEdit[int64, row]
			for _, id := range sets {
				e := must[*edit.RecordEdit[int64, row]](t)(editor.Edit(context.Background(), id))
				defer e.Close()
				e.V.Stock++
				edits = append(edits, e)
			}
			b.exec("UPDATE bakery SET city = 'Atlantis' WHERE id = 1")
			for i, err := range atOnce(edits...) {
				if lost := sets[i] == 1; errors.Is(err, edit.ErrOutcomeUnknown) != lost || err != nil && !lost {
					t.Errorf("row %d: %v", sets[i], err)
				}
			}
			b.exec("UPDATE bakery SET city = 'Riga' WHERE id = 1")
		}
		var stocks []int
		for id := range 3 {
			stocks = append(stocks, one[int](b, fmt.Sprintf("SELECT stock * 10 + version FROM bakery WHERE id = %d", id+1)))
		}
		if !slices.Equal(stocks, []int{23, 12, 12}) {
			t.Errorf("stocks and versions are %v", stocks)
		}
	})
}

// TestHeirs: a key that another table has taken over with its columns, and does not
// keep, may be that of two rows: what was written then is not said to be refused.
func TestHeirs(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, b *bench, _ *listener) {
		t.Helper()
		b.exec("CREATE TABLE heir () INHERITS (bakery)", "INSERT INTO heir (id, name, version) VALUES (1, 'Rye', 1)")
		for _, ids := range [][]int64{{1}, {1, 2, 3}} {
			var edits []*edit.RecordEdit[int64, bakery]
			for _, id := range ids {
				e := b.edit(id)
				e.V.Stock += 5
				edits = append(edits, e)
			}
			for i, err := range atOnce(edits...) {
				if errors.Is(err, edit.ErrOutcomeUnknown) != (ids[i] == 1) || err != nil && ids[i] != 1 {
					t.Errorf("row %d of %d: %v", ids[i], len(ids), err)
				}
			}
		}
	}, edit.Patience(5*time.Second))
}

// TestCountedTooFar: a row that was written, and whose version this program cannot
// hold, is said to be that at once.
func TestCountedTooFar(t *testing.T) {
	t.Parallel()
	type row struct {
		ID      int64 `db:"id,pk"`
		Stock   int   `db:"stock"`
		Version int16 `db:"version,version"`
	}
	onPostgres(t, func(t *testing.T, b *bench, _ *listener) {
		t.Helper()
		editor := editorOf[int64, row](b, "bakery")
		for _, ids := range [][]int64{{1}, {1, 2, 3}} {
			b.exec("UPDATE bakery SET stock = 0, version = CASE id WHEN 1 THEN 32767 ELSE 1 END")
			var edits []*edit.RecordEdit[int64, row]
			for _, id := range ids {
				e := must[*edit.RecordEdit[int64, row]](t)(editor.Edit(context.Background(), id))
				defer e.Close()
				e.V.Stock = 5
				edits = append(edits, e)
			}
			began := time.Now()
			errs := atOnce(edits...)
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("that took %v", took)
			}
			for i, err := range errs {
				if errors.Is(err, edit.ErrOutcomeUnknown) != (ids[i] == 1) || err != nil && ids[i] != 1 {
					t.Errorf("row %d of %d: %v", ids[i], len(ids), err)
				}
			}
			if n := one[int](b, "SELECT COUNT(*) FROM bakery WHERE stock = 5"); n != len(ids) {
				t.Errorf("%d rows were written", n)
			}
		}
	}, edit.Patience(30*time.Second))
}

// numberless is a driver that gives one row no number, and cannot read it if it needs
// none.
type numberless struct {
	sqldriver.Connector
	left atomic.Int32
}

func (n *numberless) Connect(ctx context.Context) (sqldriver.Conn, error) {
	return connect(ctx, n.Connector, func(inner cutConn) sqldriver.Conn { return &numberlessConn{inner, n} })
}

type numberlessConn struct {
	cutConn
	from *numberless
}

func (c *numberlessConn) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	stmt, err := c.cutConn.PrepareContext(ctx, query)
	if err != nil || !strings.Contains(query, "UPDATE") {
		return stmt, err
	}
	return &numberlessStmt{stmt, c.from, strings.Contains(query, "RETURNING d.ord,")}, nil
}

type numberlessStmt struct {
	sqldriver.Stmt
	from    *numberless
	numbers bool
}

func (s *numberlessStmt) QueryContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	rows, err := s.Stmt.(sqldriver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	return &numberlessRows{rows, s}, nil
}

type numberlessRows struct {
	sqldriver.Rows
	of *numberlessStmt
}

func (r *numberlessRows) Next(dest []sqldriver.Value) error {
	err := r.Rows.Next(dest)
	if err == nil && r.of.from.left.Add(-1) == 0 {
		if dest[0] = "none"; !r.of.numbers {
			return errors.New("what is this?")
		}
	}
	return err
}

// TestUnnumberedRow: rows that were written, and of which the driver does not tell which
// they are, are looked up.
func TestUnnumberedRow(t *testing.T) {
	t.Parallel()
	for _, k := range kitsOf(dialects.Postgres) {
		if k.counts {
			continue // no row comes back
		}
		for from := range int32(4) { // the last for the row of a single save
			t.Run(fmt.Sprintf("%s %d", k.name, from), func(t *testing.T) {
				t.Parallel()
				rows := &numberless{}
				b := k.start(t, func(c sqldriver.Connector) sqldriver.Connector {
					rows.Connector = c
					return rows
				}, edit.Linger(20*time.Millisecond), edit.Retries(5, time.Millisecond, time.Millisecond), edit.Patience(5*time.Second))
				b.exec("INSERT INTO bakery (id, name, version) VALUES (1, 'Rye', 1), (2, 'Bun', 1), (3, 'Roll', 1)")
				var edits []*edit.RecordEdit[int64, bakery]
				for id := range int64(3) {
					e := b.edit(id + 1)
					e.V.Stock++
					edits = append(edits, e)
				}
				if from == 3 {
					edits, from = edits[:1], 0
				}
				rows.left.Store(from + 1)
				if err := errors.Join(atOnce(edits...)...); err != nil {
					t.Error(err)
				}
				if n := one[int](b, "SELECT COUNT(*) FROM bakery WHERE stock = 1 AND version = 2"); n != len(edits) {
					t.Errorf("%d rows are right", n)
				}
				if rows.left.Load() > 0 {
					t.Error("all rows had numbers")
				}
			})
		}
	}
}

// TestTwins: a key that is none is found out before two rows are written for one.
func TestTwins(t *testing.T) {
	t.Parallel()
	type twin struct {
		ID int64 `db:"id,pk"`
		N  int   `db:"n"`
	}
	onPostgres(t, func(t *testing.T, b *bench, _ *listener) {
		t.Helper()
		b.exec("CREATE TABLE twin (id BIGINT NOT NULL, n INTEGER NOT NULL)", "INSERT INTO twin VALUES (1, 0), (1, 0), (2, 0)")
		editor := editorOf[int64, twin](b, "twin")
		var edits []*edit.RecordEdit[int64, twin]
		for id := range int64(2) {
			e := must[*edit.RecordEdit[int64, twin]](t)(editor.Edit(context.Background(), id+1))
			defer e.Close()
			e.V.N = 5
			edits = append(edits, e)
		}
		for range 2 { // together, and by itself
			errs := atOnce(edits...)
			if errs[0] == nil || len(errs) > 1 && errs[1] != nil {
				t.Errorf("errors are %v", errs)
			}
			edits = edits[:1]
		}
		if n := one[int](b, "SELECT COUNT(*) FROM twin WHERE n = CASE id WHEN 1 THEN 0 ELSE 5 END"); n != 3 {
			t.Errorf("%d rows are right", n)
		}
	})
}

// TestFoundAtTheEnd: what the database only finds when it commits is found of a
// statement that is a transaction by itself, too, also if its rows have come, and the
// connection is lost then, and if nobody tells what has become of it.
func TestFoundAtTheEnd(t *testing.T) {
	t.Parallel()
	for _, k := range kitsOf(dialects.Postgres) {
		for name, lost := range map[string]int32{"answered": 0, "lost": 1, "lost for good": 1} {
			t.Run(k.name+" "+name, func(t *testing.T) {
				t.Parallel()
				var cut *cutter
				b := k.start(t, func(c sqldriver.Connector) sqldriver.Connector {
					cut = &cutter{Connector: c, updates: true, mute: name == "lost for good"}
					return cut
				}, edit.Retries(5, time.Millisecond, time.Millisecond), edit.Linger(20*time.Millisecond))
				b.exec("ALTER TABLE bakery ADD UNIQUE (stock) DEFERRABLE INITIALLY DEFERRED",
					"INSERT INTO bakery (id, name, stock, version) VALUES (1, 'Rye', 1, 1), (2, 'Bun', 2, 1), (3, 'Roll', 3, 1)")
				var edits []*edit.RecordEdit[int64, bakery]
				for id, stock := range []int{5, 5, 7} {
					e := b.edit(int64(id + 1))
					e.V.Stock = stock
					edits = append(edits, e)
				}
				cut.behind.Store(lost)
				errs := atOnce(edits...)
				if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs[:2]...), edit.ErrDuplicate) || errs[2] != nil {
					t.Errorf("errors are %v", errs)
				}
				if n := one[int](b, "SELECT COUNT(*) FROM bakery WHERE version = 2 AND stock IN (5, 7)"); n != 2 {
					t.Errorf("%d rows were written", n)
				}
				if lost > 0 && cut.behind.Load() > 0 {
					t.Error("no connection was lost")
				}
			})
		}
	}
}

// TestLostAfterTheEnd: what the database has taken back at the end of a transaction is not
// said to be saved, wherever the connection is lost while it is found out whose fault
// that was.
func TestLostAfterTheEnd(t *testing.T) {
	t.Parallel()
	for _, k := range kitsOf(dialects.Postgres) {
		for name, c := range map[string]struct {
			at    string
			until int32
		}{"taking back": {"ROLLBACK", 1}, "first": {"BEGIN", 2}, "second": {"BEGIN", 3}, "third": {"BEGIN", 4}} {
			t.Run(k.name+" "+name, func(t *testing.T) {
				t.Parallel()
				cut := &cutter{at: c.at}
				b := k.start(t, func(c sqldriver.Connector) sqldriver.Connector {
					cut.Connector = c
					return cut
				}, edit.Retries(5, time.Millisecond, time.Millisecond), edit.Linger(20*time.Millisecond), edit.Patience(5*time.Second))
				b.exec("ALTER TABLE bakery ADD UNIQUE (stock) DEFERRABLE INITIALLY DEFERRED",
					"INSERT INTO bakery (id, name, stock, version) VALUES (1, 'Rye', 1, 1), (2, 'Bun', 2, 1), (3, 'Roll', 3, 1)")
				var edits []*edit.RecordEdit[int64, bakery]
				for id, stock := range []int{5, 5, 7} {
					e := b.edit(int64(id + 1))
					e.V.Stock, e.V.City = stock, new("Riga")
					edits = append(edits, e)
				}
				edits[2].V.Name = "Baguette" // so that there is more than one statement
				cut.until.Store(c.until)
				for i, err := range atOnce(edits...) {
					if n := one[int](b, fmt.Sprintf("SELECT version FROM bakery WHERE id = %d", i+1)); (n == 2) != (err == nil) {
						t.Errorf("row %d has version %d: %v", i+1, n, err)
					}
				}
				if n := one[int](b, "SELECT COUNT(*) FROM bakery WHERE version = 2"); n != 2 {
					t.Errorf("%d rows were written", n)
				}
				if cut.until.Load() > 0 {
					t.Error("no connection was lost")
				}
			})
		}
	}
}

// TestIsolation: whatever isolation a database has for transactions, those that save
// wait for others, and look at the row again.
func TestIsolation(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, b *bench, _ *listener) {
		t.Helper()
		ctx := context.Background()
		b.exec("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database()); END $$")
		// Connections from now on.
		editor := b.another(t, edit.Retries(1, time.Millisecond, time.Millisecond))
		e := must[*edit.RecordEdit[int64, counted]](t)(editor.Edit(ctx, 1))
		defer e.Close()
		e.V.Stock++
		tx := must[*sql.Tx](t)(b.db.BeginTx(ctx, nil))
		defer func() { _ = tx.Rollback() }()
		if _, err := tx.ExecContext(ctx, "UPDATE bakery SET stock = 10, version = version + 1 WHERE id = 1"); err != nil {
			t.Fatal(err)
		}
		p := e.SaveAsync()
		time.Sleep(50 * time.Millisecond) // it waits for the row
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if r, err := p.Wait(ctx); err != nil || r.Row.Stock != 11 || r.Row.Version != 3 {
			t.Errorf("result is %+v, %v", r, err)
		}
	})
}

// TestCrashAtTheEnd: a server that ends a connection may have committed what was sent
// over it: that is not sent again, where others count as well.
func TestCrashAtTheEnd(t *testing.T) {
	t.Parallel()
	for _, k := range kits {
		if k.flavor != dialects.Postgres {
			continue
		}
		// Poolers tell with a code of their own that the server has gone.
		for code, severity := range map[pqerror.Code]string{"57P01": "", "57P02": "", "08P01": "FATAL", "25P03": "FATAL", "XX000": "PANIC"} {
			t.Run(k.name+" "+string(code), func(t *testing.T) {
				t.Parallel()
				ctx := context.Background()
				cut := &cutter{updates: true, with: &pq.Error{Code: code, Severity: severity, Message: "terminating connection"}}
				b := k.start(t, func(c sqldriver.Connector) sqldriver.Connector {
					cut.Connector = c
					return cut
				}, edit.Retries(5, time.Millisecond, time.Millisecond))
				b.exec("INSERT INTO bakery (id, name, version) VALUES (1, 'Rye', 1)")
				e := must[*edit.RecordEdit[int64, counted]](t)(editorOf[int64, counted](b, "bakery").Edit(ctx, 1))
				defer e.Close()
				e.V.Stock++
				cut.after.Store(1)
				if _, err := e.Save(ctx); !errors.Is(err, edit.ErrOutcomeUnknown) {
					t.Errorf("error is %v", err)
				}
				if n := one[int](b, "SELECT stock * 10 + version FROM bakery"); n != 12 {
					t.Errorf("stock and version are %d", n)
				}
				if n := cut.reused.Load(); n != 0 {
					t.Errorf("%d statements were sent over a connection that had ended", n)
				}
			})
		}
	}
}

// TestBackendsKilled ends the connections that save, again and again, at any moment of
// their statements. What was said to be saved is there once.
func TestBackendsKilled(t *testing.T) {
	t.Parallel()
	for _, k := range kitsOf(dialects.Postgres) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			const rows, kills = 40, 8
			ctx := context.Background()
			b := k.start(t, nil, edit.Retries(1000, time.Millisecond, 5*time.Millisecond))
			var edits []*edit.RecordEdit[int64, bakery]
			for i := range rows {
				b.exec(fmt.Sprintf("INSERT INTO bakery (id, name, version) VALUES (%d, 'bakery %d', 1)", i+1, i))
				edits = append(edits, b.edit(int64(i+1)))
			}
			stop := make(chan struct{})
			var killer sync.WaitGroup
			var killed atomic.Int64
			killer.Go(func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(rand.N(15 * time.Millisecond)):
					}
					var n int
					err := b.db.QueryRowContext(ctx, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"+
						" WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%UPDATE%bakery%'").Scan(&n)
					if err != nil {
						t.Error(err)
						return
					}
					killed.Add(int64(n))
				}
			})
			rounds := 0
			for ; rounds < 5 || killed.Load() < kills; rounds++ {
				for _, e := range edits {
					e.V.Stock++
				}
				for i, err := range atOnce(edits...) {
					if err != nil {
						t.Errorf("row %d: %v", i+1, err)
					}
				}
			}
			close(stop)
			killer.Wait()
			if n := one[int](b, fmt.Sprintf("SELECT COUNT(*) FROM bakery WHERE stock = %d AND version = %d", rounds, rounds+1)); n != rows {
				t.Errorf("%d of %d rows were written %d times", n, rows, rounds)
			}
		})
	}
}
