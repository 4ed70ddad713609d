package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Every kind of table is a property of its own, which makes many checks
	// in all.
	if flag.Lookup("rapid.checks").Value.String() == flag.Lookup("rapid.checks").DefValue {
		if err := flag.Set("rapid.checks", "25"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// quick are the parameters of a DSN whose file need not survive a crash.
const quick = "?_pragma=synchronous(off)&_pragma=journal_mode(wal)&_busy_timeout=5000"

// newFile returns the path of a database that does not exist yet.
func newFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "test.db")
}

// plain opens a file as any other program would, on a single connection, so
// that what is set on its session stays.
func plain(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func mustExec(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// follower is a backend with a reader, polled by hand.
type follower struct {
	t       *testing.T
	backend *database
	reader  listen.Reader
	cursor  listen.Cursor
}

// follow opens a backend of dsn and takes the first cursor.
func follow(t *testing.T, dsn string, policy listen.Install) *follower {
	t.Helper()
	return followOn(t, newBackend(t, dsn, policy))
}

// newBackend opens a backend of dsn. Whoever follows on it closes it.
func newBackend(t *testing.T, dsn string, policy listen.Install) *database {
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
	return b.(*database)
}

// followOn takes the first cursor of a backend, and closes it in the end.
func followOn(t *testing.T, b *database) *follower {
	t.Helper()
	f := &follower{t: t, backend: b}
	t.Cleanup(func() {
		if f.reader != nil {
			if err := f.reader.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	f.connect()
	f.poll()
	return f
}

// in returns the follower for use in a subtest.
func (f *follower) in(t *testing.T) *follower {
	t.Helper()
	sub := *f
	sub.t = t
	return &sub
}

// connect connects as the feed does after a failure: the cursor stays.
func (f *follower) connect() {
	f.t.Helper()
	if f.reader != nil {
		if err := f.reader.Close(); err != nil {
			f.t.Fatal(err)
		}
		f.reader = nil
	}
	r, err := f.backend.Connect(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	f.reader = r
}

// poll returns what happened since the last poll.
func (f *follower) poll() listen.Delta {
	f.t.Helper()
	delta, err := f.reader.Poll(context.Background(), f.cursor)
	if err != nil {
		f.t.Fatal(err)
	}
	f.cursor = delta.Cursor
	return delta
}

// analyze returns what text means.
func (f *follower) analyze(text string) *dialects.Analysis {
	f.t.Helper()
	a, err := f.backend.Analyze(context.Background(), text)
	if err != nil {
		f.t.Fatalf("analysing %q: %v", text, err)
	}
	return a
}

// reported is what a delta says of one table: the keys of changed rows, or
// that the whole table may have changed.
type reported struct {
	whole bool
	keys  map[string]bool
}

// digest sorts a delta by table.
func digest(delta listen.Delta) map[string]*reported {
	tables := make(map[string]*reported)
	for _, c := range delta.Changes {
		r := tables[c.Table.Name]
		if r == nil {
			r = &reported{keys: make(map[string]bool)}
			tables[c.Table.Name] = r
		}
		if c.Op == listen.Whole {
			r.whole = true
			continue
		}
		r.keys[keyText(c.Key)] = true
	}
	return tables
}

// keyText spells a key with its type: 1, 1.0 and '1' are three keys.
func keyText(key any) string {
	switch key := key.(type) {
	case []byte:
		return fmt.Sprintf("blob:%x", key)
	case []any:
		// As the tests ask the database for it.
		var parts []string
		for _, value := range key {
			switch value := value.(type) {
			case string:
				parts = append(parts, quoteText(value))
			case []byte:
				parts = append(parts, fmt.Sprintf("X'%X'", value))
			default:
				parts = append(parts, fmt.Sprint(value))
			}
		}
		return "string:" + strings.Join(parts, ",")
	}
	return fmt.Sprintf("%T:%v", key, key)
}

// writer executes scripts as some program does, each on the session that the
// scripts before it left behind.
type writer interface {
	// run returns the error of the first statement that failed.
	run(script ...string) error
}

// sessionWriter writes over one connection of the Go driver.
type sessionWriter struct{ conn *sql.Conn }

func newSession(t *testing.T, dsn string) sessionWriter {
	t.Helper()
	conn, err := plain(t, dsn).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return sessionWriter{conn}
}

func (w sessionWriter) run(script ...string) error {
	for _, s := range script {
		if _, err := w.conn.ExecContext(context.Background(), s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// shellWriter writes with the sqlite3 program: another version of SQLite, in
// a process of its own.
type shellWriter struct {
	program, file string
	session       []string // statements that set up each process
}

// shell returns the sqlite3 program, if the machine has it.
func shell() (string, bool) {
	program, err := exec.LookPath("sqlite3")
	return program, err == nil
}

func (w shellWriter) run(script ...string) error {
	cmd := exec.Command(w.program, "-batch", w.file)
	cmd.Stdin = strings.NewReader(strings.Join(append(append([]string{".timeout 5000"}, w.session...), script...), ";\n") + ";\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("sqlite3: %w: %s", err, out)
	}
	if text := string(out); strings.Contains(text, "Error:") || strings.Contains(text, "rror: near line") {
		return errors.New(text)
	}
	return nil
}
