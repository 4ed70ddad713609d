//go:build unix

package server_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vantage-go/live/testdb/server"
)

func TestRedisDatabasesAreEmptyAndApart(t *testing.T) {
	addr := server.Redis(t).Addr()
	var numbers []int
	t.Run("databases", func(t *testing.T) {
		var r [2]*server.RedisDB
		for i := range r {
			r[i] = server.Redis(t)
			numbers = append(numbers, r[i].Number())
			if got := redis(t, addr, r[i].Number(), "DBSIZE"); got != ":0" {
				t.Errorf("the new database %d: DBSIZE %s", r[i].Number(), got)
			}
			redis(t, addr, r[i].Number(), fmt.Sprintf("SET key %d", i))
		}
		for i := range r {
			redis(t, addr, r[i].Number(), "EXISTS key")
			if got := redis(t, addr, r[i].Number(), "DBSIZE"); got != ":1" {
				t.Errorf("%s: DBSIZE %s, want one key", r[i].URL(), got)
			}
		}
		if numbers[0] == numbers[1] {
			t.Error("two tests have one database")
		}
	})
	for _, n := range numbers {
		if got := redis(t, addr, n, "DBSIZE"); got != ":0" {
			t.Errorf("database %d after its test: DBSIZE %s", n, got)
		}
	}
}

// redis sends an inline command to a database and returns the line it answers.
func redis(t *testing.T, addr string, number int, command string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "SELECT %d\r\n%s\r\n", number, command)
	lines := bufio.NewScanner(c)
	lines.Scan()
	lines.Scan()
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(lines.Text())
}

func TestSQLiteIsAPathThatDoesNotExistYet(t *testing.T) {
	var path string
	t.Run("inner", func(t *testing.T) {
		path = server.SQLite(t)
		if other := server.SQLite(t); other == path {
			t.Errorf("two databases at %s", path)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s: %v", path, err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Error(err)
		}
	})
	if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
		t.Errorf("after the test, %s: %v", filepath.Dir(path), err)
	}
}
