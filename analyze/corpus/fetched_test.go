//go:build corpus

package corpus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/vantage-go/live/analyze/marino"
	"github.com/vantage-go/live/analyze/pgquery"
	"github.com/vantage-go/live/dialects"
)

// corpusDir is what scripts/corpus.sh printed.
var corpusDir = os.Getenv("LIVESQL_CORPUS")

// TestPostgres compares over Postgres' regression tests.
func TestPostgres(t *testing.T) {
	var texts []string
	for _, file := range read(t, filepath.Join(corpusDir, "postgres/*.sql")) {
		var sql strings.Builder
		for line := range strings.Lines(file) {
			if before, _, found := strings.Cut(line, `\g`); found && !strings.HasPrefix(line, `\`) {
				line = before + ";\n"
			}
			if !strings.HasPrefix(line, `\`) {
				sql.WriteString(line)
			}
		}
		statements, err := pg.SplitWithScanner(sql.String(), true)
		if err != nil {
			continue
		}
		texts = append(texts, statements...)
	}
	check(t, dialects.Postgres, pgquery.Parser{}, texts, 10_000, 95)
}

// TestMySQL compares over MariaDB's tests.
func TestMySQL(t *testing.T) {
	var texts []string
	for _, file := range read(t, filepath.Join(corpusDir, "mysql/*.test")) {
		var sql strings.Builder
		for line := range strings.Lines(file) {
			if line = strings.TrimLeft(line, " \t"); strings.HasPrefix(line, "--") || strings.HasPrefix(line, "#") {
				continue
			}
			sql.WriteString(line)
		}
		for text := range strings.SplitSeq(sql.String(), ";\n") {
			text = strings.TrimSpace(text)
			word, _, _ := strings.Cut(strings.ToLower(strings.TrimLeft(text, "(")), " ")
			switch strings.TrimSpace(word) {
			case "select", "with", "insert", "update", "delete", "replace", "create", "values", "table":
				texts = append(texts, text)
			}
		}
	}
	check(t, dialects.MySQL, marino.Parser{}, texts, 10_000, 95)
}
