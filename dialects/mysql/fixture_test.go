package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds waiting for what happens at once on an idle machine.
const patience = 30 * time.Second

func mustExec(t *testing.T, db interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}, statements ...string,
) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// installAll installs everything.
func installAll(t *testing.T, db *sql.DB) {
	t.Helper()
	if _, err := (Dialect{}).Install(t.Context(), db, listen.InstallOptions{}); err != nil {
		t.Fatal(err)
	}
}

// newDB is a database with tables and triggers.
func newDB(t *testing.T, statements ...string) *server.Database {
	t.Helper()
	db := server.MariaDB(t)
	mustExec(t, db.DB(), statements...)
	installAll(t, db.DB())
	return db
}

// programOn is one session of a program.
func programOn(t *testing.T, db *sql.DB) *sql.Conn {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // some tests kill it
	return conn
}

// follower is a backend with a reader, polled by hand.
type follower struct {
	t       *testing.T
	backend *database
	reader  *reader
	cursor  listen.Cursor
	parent  *follower // whose cursor it is, in a subtest
}

// in returns the follower for use in a subtest.
func (f *follower) in(t *testing.T) *follower {
	t.Helper()
	sub := *f
	sub.t, sub.parent = t, f
	return &sub
}

type followerOption func(*database)

// noStamper makes the reader's stamper idle.
func noStamper(d *database) { d.chunk = 0 }

func newBackend(t *testing.T, dsn string, policy listen.Install, opts ...followerOption) *database {
	t.Helper()
	connector, err := Dialect{}.Connector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Dialect{}.Backend(listen.BackendConfig{
		Connector: connector, DSN: dsn, Install: policy, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	d := b.(*database)
	for _, opt := range opts {
		opt(d)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// follow opens a backend of dsn and takes the first cursor.
func follow(t *testing.T, dsn string, policy listen.Install, opts ...followerOption) *follower {
	t.Helper()
	f := &follower{t: t, backend: newBackend(t, dsn, policy, opts...)}
	t.Cleanup(f.disconnect)
	f.connect()
	f.poll()
	return f
}

func (f *follower) disconnect() {
	f.t.Helper()
	if f.reader != nil {
		if err := f.reader.Close(); err != nil {
			f.t.Error(err)
		}
		f.reader = nil
	}
}

// connect connects as the feed does after a failure: the cursor stays.
func (f *follower) connect() {
	f.t.Helper()
	f.disconnect()
	r, err := f.backend.Connect(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	f.reader = r.(*reader)
}

// poll returns what happened since the last poll.
func (f *follower) poll() listen.Delta {
	f.t.Helper()
	delta, err := f.reader.Poll(context.Background(), f.cursor)
	if err != nil {
		f.t.Fatal(err)
	}
	for at := f; at != nil; at = at.parent {
		at.cursor = delta.Cursor
	}
	return delta
}

// look is poll, with a look at the schema.
func (f *follower) look() listen.Delta {
	f.t.Helper()
	f.reader.recheck.Store(true)
	delta := f.poll()
	if delta.Unchecked {
		f.t.Fatal("the poll did not look at the schema")
	}
	return delta
}

// until polls until a condition holds.
func (f *follower) until(what string, holds func(listen.Delta) bool) listen.Delta {
	f.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		delta := f.look()
		if holds(delta) {
			return delta
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("still not: %s", what)
		}
	}
}

// expect polls and compares: each change as "table op key".
func (f *follower) expect(want ...string) {
	f.t.Helper()
	delta := f.poll()
	if delta.Reset != "" {
		f.t.Errorf("reset: %s", delta.Reset)
	}
	got := spell(delta)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		f.t.Errorf("got changes\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// spell writes changes with the types of their keys, sorted, each once.
func spell(delta listen.Delta) []string {
	set := make(map[string]bool)
	for _, c := range delta.Changes {
		set[fmt.Sprintf("%s %c %s", c.Table.Name, c.Op, keyText(c.Key))] = true
	}
	return slices.Sorted(maps.Keys(set))
}

func keyText(key any) string {
	switch key := key.(type) {
	case nil:
		return "all"
	case []byte:
		return fmt.Sprintf("bytes:%x", key)
	case []any:
		var parts []string
		for _, k := range key {
			parts = append(parts, keyText(k))
		}
		return "(" + strings.Join(parts, ",") + ")"
	}
	return fmt.Sprintf("%T:%v", key, key)
}

// whyUncovered returns why a table is not covered.
func whyUncovered(t *testing.T, db *sql.DB, table string) string {
	t.Helper()
	c, err := Dialect{}.Coverage(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range c.Tables {
		if tc.Table.Name == table {
			if tc.Covered != (tc.Why == "") {
				t.Errorf("table %s: covered is %v, and why %q", table, tc.Covered, tc.Why)
			}
			return tc.Why
		}
	}
	t.Fatalf("no table %s", table)
	return ""
}
