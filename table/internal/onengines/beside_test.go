package onengines_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/table"
	"github.com/vantage-go/live/testdb/server"
)

// ordinary opens a file of SQLite as programs do, whose transactions take the lock
// when they first write, with rows a and b in the table days, on one connection.
func ordinary(t *testing.T, mode string) (plain *table.Table[string, byDay], pool, other *sql.DB) {
	t.Helper()
	dsn := server.SQLite(t) + "?_pragma=synchronous(off)&_pragma=busy_timeout(20000)&_pragma=journal_mode(" + mode + ")"
	open := func() *sql.DB {
		db, err := sql.Open("sqlite", dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	pool, other = open(), open()
	pool.SetMaxOpenConns(1)
	if _, err := other.ExecContext(soon(t), "CREATE TABLE days (day TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL); INSERT INTO days VALUES ('a', 1), ('b', 2)"); err != nil {
		t.Fatal(err)
	}
	plain, err := table.OpenPlain[string, byDay](soon(t), &table.Database{DB: pool, Flavor: dialects.SQLite}, "days")
	if err != nil {
		t.Fatal(err)
	}
	return plain, pool, other
}

// TestChangesBesideWriters: changes, which look at the row first, wait for others who
// write to the file all the time.
func TestChangesBesideWriters(t *testing.T) {
	t.Parallel()
	plain, _, other := ordinary(t, "wal")
	ctx, stop := context.WithCancel(soon(t))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_, _ = other.ExecContext(ctx, "UPDATE days SET n = n + 1 WHERE day = 'b'")
		}
	}()
	defer func() { stop(); <-done }()
	for i := range int64(100) {
		if _, err := plain.Patch(soon(t), "a", table.Record{"n": i}); err != nil {
			t.Fatal(err)
		}
		if row, err := plain.Replace(soon(t), byDay{"a", -i}); err != nil || row.N != -i {
			t.Fatalf("%v, %v", row, err)
		}
	}
}

// TestChangesThatFail: a change that is refused keeps neither its connection nor the
// lock, also if a method of a value panics.
func TestChangesThatFail(t *testing.T) {
	t.Parallel()
	plain, pool, other := ordinary(t, "wal")
	panics, err := table.OpenPlain[string, explosive](soon(t), &table.Database{DB: pool, Flavor: dialects.SQLite}, "days")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func() error{
		"no row": func() error {
			_, err := plain.Patch(soon(t), "c", table.Record{"n": int64(7)})
			return err
		},
		"a panic": func() (err error) {
			defer func() { err = fmt.Errorf("%v", recover()) }()
			_, err = panics.Replace(soon(t), explosive{Day: "a"})
			return err
		},
	} {
		if err := change(); err == nil || name == "no row" && !errors.Is(err, table.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := other.ExecContext(soon(t), "UPDATE days SET n = n + 1 WHERE day = 'b'"); err != nil {
			t.Fatalf("%s: another program: %v", name, err)
		}
		if row, err := plain.Patch(soon(t), "a", table.Record{"n": int64(8)}); err != nil || row.N != 8 {
			t.Errorf("%s: the next change: %v, %v", name, row, err)
		}
	}
}

// explosive is a row that cannot be written.
type explosive struct {
	Day string `db:"day"`
	N   fuse   `db:"n"`
}

type fuse struct{} //nolint:recvcheck // database/sql asks a value, and scans into a pointer

func (fuse) Value() (sqldriver.Value, error) { panic("a value that panics") }
func (*fuse) Scan(any) error                 { return nil }

// TestChangesObeyTheContext: a change waits for the lock, and for readers where they
// keep it from being committed, no longer than its context lasts. Nothing of it is
// left, nor does its connection stay in a transaction.
func TestChangesObeyTheContext(t *testing.T) {
	t.Parallel()
	for _, one := range []struct{ name, mode, holds string }{
		{"the lock", "wal", "BEGIN IMMEDIATE"},
		{"a reader", "delete", "BEGIN; SELECT count(*) FROM days"},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			plain, pool, other := ordinary(t, one.mode)
			holder, err := other.Conn(soon(t))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = holder.Close() }()
			if _, err := holder.ExecContext(soon(t), one.holds); err != nil {
				t.Fatal(err)
			}
			brief, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			begun := time.Now()
			_, err = plain.Patch(brief, "a", table.Record{"n": int64(7)})
			if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took > 10*time.Second {
				t.Errorf("after %v: %v", took, err)
			}
			if _, err := holder.ExecContext(soon(t), "COMMIT"); err != nil {
				t.Fatal(err)
			}
			if _, err := other.ExecContext(soon(t), "UPDATE days SET n = 3 WHERE day = 'b'"); err != nil {
				t.Error(err)
			}
			if row, _, err := plain.Get(soon(t), "a"); err != nil || row.N != 1 {
				t.Errorf("%v, %v", row, err)
			}
			if row, err := plain.Patch(soon(t), "a", table.Record{"n": int64(8)}); err != nil || row.N != 8 {
				t.Errorf("the next change: %v, %v", row, err)
			}
			// A context that ends may have database/sql give a connection back in its own time.
			for deadline := time.Now().Add(patience); pool.Stats().InUse > 0; runtime.Gosched() {
				if time.Now().After(deadline) {
					t.Fatalf("%d connections are in use", pool.Stats().InUse)
				}
			}
		})
	}
}
