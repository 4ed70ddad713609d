package sqlstore_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
)

// TestUncancelled: lib/pq is known behind what wraps it, and no other driver is
// taken for it.
func TestUncancelled(t *testing.T) {
	t.Parallel()
	for _, k := range kits {
		connector := k.open(t)
		for _, c := range []sqldriver.Connector{connector, driver.Wrap(connector, nil)} {
			db := sql.OpenDB(c)
			if got := sqlstore.IsPQ(db.Driver()); got != (k.name == "postgres") {
				t.Errorf("%s: %t", k.name, got)
			}
			_ = db.Close()
		}
	}
}

// slow is a bench whose row 1 takes 30 s to be written with a stock of 13, and a
// session of it that has saved once.
func (k kit) slow(t *testing.T, opts ...edit.Option) (*bench, *lookout, *edit.RecordEdit[int64, bakery]) {
	t.Helper()
	b := k.start(t, nil)
	s := b.watch(opts...)
	b.exec("INSERT INTO bakery (id, name, version) VALUES (1, 'Rye', 1)",
		"CREATE FUNCTION slow(stock integer) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN IF stock = 13 THEN PERFORM pg_sleep(30); END IF; RETURN true; END'",
		"ALTER TABLE bakery ADD CHECK (slow(stock))")
	e := b.edit(1)
	e.V.Stock = 5
	if _, err := e.Save(context.Background()); err != nil {
		t.Fatal(err)
	}
	return b, s, e
}

// TestSlowStatement: a statement ends with its time, whoever sees to that.
func TestSlowStatement(t *testing.T) {
	t.Parallel()
	for _, k := range kitsOf(dialects.Postgres) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			_, s, e := k.slow(t, edit.BatchTimeout(2*time.Second), edit.Retries(1, time.Millisecond, time.Millisecond), edit.Patience(time.Second))
			if inferred, _ := s.inferred(); (inferred == 1) != k.counts {
				t.Errorf("%d rows did not come back", inferred)
			}
			began := time.Now()
			e.V.Stock = 13
			_, err := e.Save(ctx)
			if took := time.Since(began); err == nil || took > 12*time.Second {
				t.Errorf("%v after %v", err, took)
			}
			e.V.Stock = 7
			if r, err := e.Save(ctx); err != nil || r.Row.Stock != 7 {
				t.Errorf("result is %+v, %v", r, err)
			}
		})
	}
}

// TestCloseBesideLock: to end a writer takes no longer than to wait for a lock.
func TestCloseBesideLock(t *testing.T) {
	t.Parallel()
	for _, k := range kitsOf(dialects.Postgres) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			b := k.start(t, nil)
			b.exec("INSERT INTO bakery (id, name, version) VALUES (1, 'Rye', 1)")
			e := b.edit(1)
			e.V.Stock = 5
			if _, err := e.Save(ctx); err != nil {
				t.Fatal(err)
			}
			tx := must[*sql.Tx](t)(b.db.BeginTx(ctx, nil))
			defer func() { _ = tx.Rollback() }()
			if _, err := tx.ExecContext(ctx, "UPDATE bakery SET stock = 6 WHERE id = 1"); err != nil {
				t.Fatal(err)
			}
			e.V.Stock = 7
			p := e.SaveAsync()
			time.Sleep(50 * time.Millisecond)
			began := time.Now()
			_ = b.writer.Close()
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			if _, err := p.Wait(ctx); err == nil {
				t.Error("the save is done, though the row is locked")
			}
		})
	}
}

// TestCloseBesideSlowStatement: to end a writer ends what its statements wait for.
func TestCloseBesideSlowStatement(t *testing.T) {
	t.Parallel()
	for _, k := range kitsOf(dialects.Postgres) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			b, _, e := k.slow(t, edit.BatchTimeout(time.Minute))
			process := func() (pid int) {
				if err := b.store.Rows(ctx, "SELECT pg_backend_pid()", nil, func(rows *sql.Rows) error { return rows.Scan(&pid) }); err != nil {
					t.Fatal(err)
				}
				return pid
			}
			before := process()
			e.V.Stock = 13
			p := e.SaveAsync()
			sleeping := "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
			for count := 0; count == 0; time.Sleep(10 * time.Millisecond) {
				if err := b.db.QueryRowContext(ctx, sleeping).Scan(&count); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			_ = b.writer.Close()
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			if _, err := p.Wait(ctx); err == nil {
				t.Error("the save is done, though it was given up")
			}
			var stock int
			if err := b.db.QueryRowContext(ctx, "SELECT stock FROM bakery WHERE id = 1").Scan(&stock); err != nil || stock != 5 {
				t.Errorf("stock is %d, %v", stock, err)
			}
			if process() == before {
				t.Error("the connection is used again, though its server was asked to give up what it runs")
			}
		})
	}
}
