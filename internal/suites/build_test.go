//go:build unix

package suites

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEdit(t *testing.T) {
	once := Edit{Old: "a", New: "b"}
	all := Edit{Old: "a", New: "b", All: true}
	for _, tt := range []struct {
		edit     Edit
		text     string
		want     string
		rejected bool
	}{
		{once, "xax", "xbx", false},
		{once, "xaxa", "", true},
		{once, "x", "", true},
		{all, "xaxa", "xbxb", false},
		{all, "x", "", true},
	} {
		got, err := tt.edit.apply(tt.text)
		if got != tt.want || (err != nil) != tt.rejected {
			t.Errorf("%+v applied to %q: %q, %v", tt.edit, tt.text, got, err)
		}
	}
}

func TestUnwrapAssertions(t *testing.T) {
	const before = `package sql
func f() {
	db.freeConn[0].ci.(*fakeConn).n = 1
	rc, ok := rows.rowsi.(*rowsCursor)
	driver := db.Driver().(*fakeDriver)
	c := inner.(*fakeConn)
	g := c.(interface{ getFakeConn() *fakeConn })
}
`
	const want = `package sql
func f() {
	UnwrappedForTest(db.freeConn[0].ci).(*fakeConn).n = 1
	rc, ok := UnwrappedForTest(rows.rowsi).(*rowsCursor)
	driver := db.Driver().(*fakeDriver)
	c := inner.(*fakeConn)
	g := UnwrappedForTest(c).(interface{ getFakeConn() *fakeConn })
}
`
	file := filepath.Join(t.TempDir(), "sql_test.go")
	if err := os.WriteFile(file, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := unwrapAssertions(file)
	if err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestPackageName(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"addport.go": "//go:build ignore\n\npackage main\n",
		"sqlite.go":  "package sqlite\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if name, err := packageName(dir); err != nil || name != "sqlite" {
		t.Errorf("package %q, %v", name, err)
	}
}

// TestToolchainEnv: what the machine sets for its own servers and its own go
// must not reach a suite.
func TestToolchainEnv(t *testing.T) {
	for _, name := range []string{"PGHOST", "MYSQL_TEST_ADDR", "SQLX_MYSQL_DSN", "GODEBUG", "GOFLAGS", "GOWORK", "LIVESQL_SUITE_MODE"} {
		t.Setenv(name, "leaked")
	}
	for _, kv := range (Toolchain{Root: "/go"}).env("PGHOST=own") {
		if strings.Contains(kv, "leaked") {
			t.Errorf("the environment has %s", kv)
		}
	}
}

func TestWithin(t *testing.T) {
	for path, want := range map[string]bool{"/a/b/c": true, "/a/b": true, "/a/bc": false, "/a": false, "/a/b/../c": false} {
		if got := within(path, "/a/b"); got != want {
			t.Errorf("within(%q, /a/b) = %t", path, got)
		}
	}
}
