//go:build corpus

package feed

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/testdb/conformlocks"
	"github.com/vantage-go/live/testdb/server"
)

// corpusDir is what scripts/corpus.sh printed.
var corpusDir = os.Getenv("LIVESQL_CORPUS")

// lockFiles are those of Postgres' regression tests whose statements read and
// write tables in many ways. Each runs in a database of its own, after the one
// that makes the tables of all.
var lockFiles = strings.Fields(`aggregates arrays case combocid create_table_like create_view delete domain
	foreign_key generated groupingsets hash_part identity incremental_sort inherit insert insert_conflict
	join join_hash json jsonb limit matview memoize merge misc namespace partition_aggregate partition_join partition_prune
	plpgsql polymorphism portals random rangefuncs returning rowsecurity rowtypes rules select select_distinct
	select_distinct_on select_having select_implicit select_into select_parallel select_views subselect
	tablesample tidscan transactions triggers truncate union updatable_views update window with`)

// TestLocksOfCorpus holds the statements of the regression tests that run
// against the locks that they take.
func TestLocksOfCorpus(t *testing.T) {
	s := server.OwnPostgres(t, server.Setting("statement_timeout", "10s"))
	var all conformlocks.Score
	for _, name := range lockFiles {
		db := s.Database(t).DB()
		session := &conformlocks.Session{
			Server: lockServer,
			Open:   func() *sql.Conn { return fixtureConn(t, db) },
			Mean:   func() conformlocks.Meaning { return lockMeaning{fixtureSchema(t, db).meaning(1)} },
			// The rows of COPY are not here.
			Skips: func(text string) bool { return strings.HasPrefix(strings.ToLower(text), "copy") },
		}
		session.Run(t, lockScript(t, "test_setup"))
		session.Score = conformlocks.Score{}
		start := time.Now()
		session.Run(t, lockScript(t, name))
		t.Logf("%-20s %v, in %v", name, &session.Score, time.Since(start).Round(time.Millisecond))
		for _, missed := range session.Score.Missed {
			t.Errorf("%s: missed: %s", name, missed)
		}
		all.Add(&session.Score)
	}
	t.Logf("all: %v", &all)
	if all.Kept < 1000 || all.Closed < 1000 {
		t.Error("too few statements could be held against their locks")
	}
}

// lockScript returns the statements of a file.
func lockScript(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(corpusDir, "postgres", name+".sql"))
	if err != nil {
		t.Fatal(err)
	}
	return psqlStatements(string(text))
}

// psqlStatements splits a script of psql, and leaves out what only psql
// understands, with the rows of COPY.
func psqlStatements(script string) (list []string) {
	var lines []string
	copying := false
	for line := range strings.Lines(script) {
		switch {
		case copying:
			copying = strings.TrimSpace(line) != `\.`
		case strings.HasPrefix(line, `\`):
		default:
			if before, _, found := strings.Cut(line, ` \g`); found {
				line = before + ";\n"
			}
			lines = append(lines, line)
			lower := strings.ToLower(line)
			copying = strings.HasPrefix(lower, "copy ") && strings.Contains(lower, "from stdin")
		}
	}
	text := strings.Join(lines, "")
	for text != "" {
		end := psqlEnd(text)
		if s := strings.TrimSpace(strings.TrimSuffix(text[:end], ";")); s != "" {
			list = append(list, s)
		}
		text = text[end:]
	}
	return list
}

// psqlEnd returns where the first statement ends, behind its semicolon.
func psqlEnd(text string) int {
	first, _, _ := strings.Cut(text, ";")
	depth, atomic := 0, strings.Contains(strings.ToLower(first), "begin atomic")
	for i := 0; i < len(text); {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "--"):
			i += index(rest, "\n", 2)
		case strings.HasPrefix(rest, "/*"):
			i += index(rest, "*/", 2)
		case rest[0] == '\'' || rest[0] == '"':
			quote := rest[:1]
			escapes := quote == "'" && i > 0 && (text[i-1] == 'E' || text[i-1] == 'e')
			for i++; i < len(text) && text[i:i+1] != quote; i++ {
				if escapes && text[i] == '\\' {
					i++
				}
			}
			i++
		case rest[0] == '$':
			tag, _, found := strings.Cut(rest[1:], "$")
			if !found || strings.ContainsAny(tag, " \t\n,;()=+-*/<>'\"") || tag != "" && tag[0] >= '0' && tag[0] <= '9' {
				i++
				break
			}
			tag = "$" + tag + "$"
			i += index(rest, tag, len(tag))
		case rest[0] == '(':
			depth++
			i++
		case rest[0] == ')':
			depth--
			i++
		case rest[0] == ';' && depth <= 0 && (!atomic || strings.HasSuffix(strings.ToLower(strings.TrimSpace(text[:i])), "end")):
			return i + 1
		default:
			i++
		}
	}
	return len(text)
}

// index is where in text, from an offset on, the end of what stands there is.
func index(text, end string, from int) int {
	if i := strings.Index(text[from:], end); i >= 0 {
		return from + i + len(end)
	}
	return len(text)
}
