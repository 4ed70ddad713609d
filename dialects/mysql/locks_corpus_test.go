//go:build corpus

package mysql

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/testdb/conformlocks"
	"github.com/vantage-go/live/testdb/server"
)

// corpusDir is what scripts/corpus.sh printed.
var corpusDir = os.Getenv("LIVESQL_CORPUS")

// lockFiles are those of MariaDB's tests whose statements read and write tables
// in many ways. Each runs in a database of its own.
var lockFiles = strings.Fields(`case count_distinct cte_nonrecursive cte_recursive default delete delete_returning derived
	distinct except func_group func_if func_in group_by having insert insert_returning insert_select insert_update
	intersect join join_nested limit multi_update multi_update2 null olap partition replace row subselect3
	table_value_constr trigger union update user_var view win`)

// notRun are words that statements begin with which would reach beyond the
// database of the test, or wait.
var notRun = strings.Split("use,create database,drop database,shutdown,kill,flush,reset,install,uninstall,grant,revoke,set global,set @@global,lock,backup", ",")

// TestLocksOfCorpus holds the statements of MariaDB's tests that run against the
// metadata locks that they take.
func TestLocksOfCorpus(t *testing.T) {
	s := server.OwnMariaDB(t, server.Setting("plugin_load_add", "metadata_lock_info"), server.Setting("max_statement_time", "10"), server.Setting("lock_wait_timeout", "5"))
	var all conformlocks.Score
	ran := 0
	for _, name := range lockFiles {
		files, err := filepath.Glob(filepath.Join(corpusDir, "mysql", "*_main_"+name+".test"))
		if err != nil || len(files) == 0 {
			continue // another version of MariaDB
		}
		ran++
		text, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		db := s.Database(t).DB()
		session := &conformlocks.Session{
			Server: lockServer,
			Open:   func() *sql.Conn { return programOn(t, db) },
			Mean:   func() conformlocks.Meaning { return meaningOf(t, db) },
			Skips: func(text string) bool {
				words := strings.Fields(strings.ToLower(text))
				return slices.Contains(notRun, words[0]) || len(words) > 1 && slices.Contains(notRun, words[0]+" "+words[1])
			},
			Ends:   func(text string) bool { return strings.HasPrefix(strings.ToLower(text), "truncate") },
			Begins: func(text string) bool { return strings.Contains(strings.ToLower(text), "autocommit") },
		}
		start := time.Now()
		session.Run(t, testStatements(string(text)))
		t.Logf("%-20s %v, in %v", name, &session.Score, time.Since(start).Round(time.Millisecond))
		for _, missed := range session.Score.Missed {
			t.Errorf("%s: missed: %s", name, missed)
		}
		all.Add(&session.Score)
	}
	t.Logf("all: %d files, %v", ran, &all)
	if all.Kept < 1000 || all.Closed < 1000 {
		t.Error("too few statements could be held against their locks")
	}
}

// meaningOf reads the schema of a database.
func meaningOf(t *testing.T, db *sql.DB) lockMeaning {
	t.Helper()
	on, err := lookAtServer(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	s, err := readSchema(t.Context(), db, on)
	if err != nil {
		t.Fatal(err)
	}
	return lockMeaning{&known{s, s.catalog(1)}}
}

// testStatements splits a script of mysqltest, and leaves out what only
// mysqltest understands.
func testStatements(script string) (list []string) {
	delimiter := ";"
	var text strings.Builder
	for line := range strings.Lines(script) {
		trimmed := strings.TrimSpace(line)
		if text.Len() == 0 && (trimmed == "" || strings.HasPrefix(trimmed, "--") || strings.HasPrefix(trimmed, "#") || trimmed == "}" || trimmed == "{") {
			continue
		}
		if rest, ok := strings.CutPrefix(strings.ToLower(trimmed), "delimiter "); ok {
			delimiter = strings.TrimSpace(strings.TrimSuffix(rest, delimiter))
			if delimiter == "" {
				delimiter = ";"
			}
			text.Reset()
			continue
		}
		text.WriteString(line)
		if s, ok := strings.CutSuffix(strings.TrimSpace(text.String()), delimiter); ok {
			list = append(list, strings.TrimPrefix(s, "eval "))
			text.Reset()
		}
	}
	return list
}
