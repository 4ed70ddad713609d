package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/vantage-go/live/listen"
)

func TestBusyTimeoutIsAdded(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		params string
		want   int
	}{
		{"", 5000},
		{"?", 5000},
		{"?_pragma=foreign_keys(1)", 5000},
		{"?_fk=1&_pragma=cache_size(100)", 5000},
		{"?mode=rwc", 5000},
		{"?_busy_timeout=0", 0},
		{"?_busy_timeout=7", 7},
		{"?_timeout=8", 8},
		{"?_pragma=busy_timeout(9)", 9},
		{"?_pragma=busy_timeout%3D10", 10},
		{"?_fk=1&_pragma=BUSY_TIMEOUT(11)", 11},
	} {
		for _, prefix := range []string{"", "file:", "file://", "file://localhost"} {
			// Not the DSN: the folder is named after the test.
			t.Run(fmt.Sprintf("%d %d", i, len(prefix)), func(t *testing.T) {
				t.Parallel()
				file := newFile(t)
				connector, err := Dialect{}.Connector(prefix + file + c.params)
				if err != nil {
					t.Fatal(err)
				}
				db := sql.OpenDB(connector)
				defer db.Close()
				var got int
				if err := db.QueryRowContext(t.Context(), "PRAGMA busy_timeout").Scan(&got); err != nil {
					t.Fatal(err)
				}
				if got != c.want {
					t.Errorf("%s…%s: busy timeout %d, want %d", prefix, c.params, got, c.want)
				}
				mustExec(t, db, "CREATE TABLE t(x)")
				if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 || entries[0].Name() != "test.db" {
					t.Errorf("files %v (%v), want test.db alone", entries, err)
				}
			})
		}
	}
	if _, err := (Dialect{}).Connector("x.db?_pragma=%zz"); err == nil {
		t.Error("a query that cannot be parsed was accepted")
	}
}

// A DSN without a name opens a temporary database, and no file of that name.
func TestNamelessDSN(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dsn := range []string{"", ":memory:", "file::memory:?cache=shared", "file:x?mode=memory"} {
		connector, err := Dialect{}.Connector(dsn)
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(connector)
		mustExec(t, db, "CREATE TABLE t(x)")
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if absent(dsn) {
			t.Errorf("%q is taken for a file that is yet to be created", dsn)
		}
		b, err := Dialect{}.Backend(listen.BackendConfig{Connector: connector, DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := b.Connect(t.Context()); !errors.Is(err, listen.ErrNoLog) || r != nil {
			t.Errorf("%q: %v, want %v", dsn, err, listen.ErrNoLog)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("files were created: %v (%v)", entries, err)
	}
}

func TestAbsent(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{"full.db": "x", "empty.db": "", "a b#c.db": "x"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dsn, want := range map[string]bool{
		"full.db":                             false,
		"empty.db":                            true,
		"none.db":                             true,
		"none.db?_fk=1":                       true,
		"full.db?_fk=1":                       false,
		"file:full.db":                        false,
		"file:full.db#fragment":               false,
		"file:none.db?mode=rwc":               true,
		"file:none.db?mode=memory":            false,
		"file:a%20b%23c.db":                   false,
		"a b#c.db":                            false,
		"file://" + dir + "/full.db":          false,
		"file://" + dir + "/none.db":          true,
		"file://localhost" + dir + "/full.db": false,
		"file://localhost" + dir + "/none.db": true,
		"file://elsewhere" + dir + "/none.db": false,
		"file:%zz":                            false,
		"folder/none.db":                      true,
		"full.db/none.db":                     false,
		":memory:":                            false,
		"file::memory:":                       false,
		"":                                    false,
	} {
		if got := absent(dsn); got != want {
			t.Errorf("absent(%q) = %v, want %v", dsn, got, want)
		}
	}
}
