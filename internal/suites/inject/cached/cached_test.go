package cached

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/vantage-go/live/internal/suites/inject"
	"github.com/vantage-go/live/testdb/server"
)

// TestModes does what suites do, through the connectors of both modes, until the
// proof shows that the modes do what they are for.
func TestModes(t *testing.T) {
	var before inject.Proof // what one mode told is in the next one's proof, too
	for _, mode := range []string{Cache, Evict} {
		t.Setenv(inject.EnvMode, mode)
		t.Setenv(inject.EnvProof, t.TempDir())
		if _, err := inject.FromEnv(); err != nil {
			t.Fatal(err)
		}
		d := server.Postgres(t)
		for _, s := range []string{"CREATE TABLE " + Anchor + " (id int)", "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"} {
			if _, err := d.DB().ExecContext(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		c, err := pq.NewConnector(d.DSN())
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(wrap(mode, c, time.Minute))
		for deadline := time.Now().Add(time.Minute); ; {
			play(t, db)
			p := proof(t)
			stored, hits := p.Stores-before.Stores, p.Hits-before.Hits
			if len(p.Broken) > 0 || mode == Evict && hits > 0 {
				t.Fatalf("%s: %+v", mode, p)
			}
			if stored > 0 && (mode == Evict || hits > 0 && p.Compared > 0) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: still only %+v", mode, p)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		before = proof(t)
	}
}

// proof reads what this process has told.
func proof(t *testing.T) (p inject.Proof) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(os.Getenv(inject.EnvProof), "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(content) == 0 {
		return p
	}
	if err := json.Unmarshal(content, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// play reads a table, and no table, in every way.
func play(t *testing.T, db *sql.DB) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for query, want := range map[string]int{"SELECT id FROM t": 1, "SELECT 7": 7, "select $1::int + 1": 9, "SELECT no_such": 0} {
		prepared, err := conn.PrepareContext(t.Context(), query)
		if err != nil {
			if want != 0 {
				t.Fatal(err)
			}
			continue
		}
		var args []any
		if strings.Contains(query, "$1") {
			args = append(args, 8)
		}
		var direct, again int
		if err := conn.QueryRowContext(t.Context(), query, args...).Scan(&direct); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if err := prepared.QueryRowContext(t.Context(), args...).Scan(&again); err != nil {
			t.Fatalf("%s, prepared: %v", query, err)
		}
		if direct != want || again != want {
			t.Errorf("%s: %d and %d, want %d", query, direct, again, want)
		}
		if err := prepared.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnswersDiffer: what a cache could get wrong.
func TestAnswersDiffer(t *testing.T) {
	at := time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC)
	base := func() *rows { return &rows{[]string{"a", "b"}, [][]sqldriver.Value{{int64(1), "x"}, {nil, at}}} }
	for what, change := range map[string]func(*rows){
		"":                func(r *rows) { r.list[0], r.list[1] = r.list[1], r.list[0] },
		"a value":         func(r *rows) { r.list[0][0] = int64(2) },
		"a type":          func(r *rows) { r.list[0][0] = "1" },
		"bytes":           func(r *rows) { r.list[0][1] = []byte("x") },
		"NULL":            func(r *rows) { r.list[1][0] = "" },
		"a time zone":     func(r *rows) { r.list[1][1] = at.In(time.FixedZone("X", 3600)) },
		"a row":           func(r *rows) { r.list = r.list[:1] },
		"a column":        func(r *rows) { r.names[0] = "c" },
		"a second column": func(r *rows) { r.names = r.names[:1] },
	} {
		changed := base()
		change(changed)
		want, err := answerOf(base(), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := answerOf(changed, nil)
		if err != nil {
			t.Fatal(err)
		}
		if difference := got.differs(want); (difference == "") != (what == "") {
			t.Errorf("%s changed, and the difference is %q", what, difference)
		}
	}
}

type rows struct {
	names []string
	list  [][]sqldriver.Value
}

func (r *rows) Columns() []string { return r.names }
func (r *rows) Close() error      { return nil }

func (r *rows) Next(row []sqldriver.Value) error {
	if len(r.list) == 0 {
		return io.EOF
	}
	copy(row, r.list[0])
	r.list = r.list[1:]
	return nil
}
