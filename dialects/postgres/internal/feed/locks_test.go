package feed

import (
	_ "embed"
	"fmt"
	"testing"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/testdb/conformlocks"
	"github.com/vantage-go/live/testdb/server"
)

// What a statement reads and writes, Postgres itself tells by the locks that it
// takes: those on relations, be they named in the statement, behind a view, in a
// function, or reached by a trigger or a foreign key. They are held against the
// analysis.

// locks_schema.sql is a schema in which statements reach tables in every way,
// locks_statements.sql are statements on it. Both are split at lines that are
// empty.
var (
	//go:embed testdata/locks_schema.sql
	locksSchema string
	//go:embed testdata/locks_statements.sql
	locksStatements string
)

// relationForms are statements that are tried on each relation, for which %s
// stands.
var relationForms = []string{
	"SELECT * FROM %s",
	"SELECT count(*) FROM %s WHERE id = 1",
	"SELECT x.id FROM %s AS x (id)",
	"TABLE %s",
	"SELECT id FROM %s UNION ALL SELECT id FROM customer",
	"WITH c AS (SELECT id FROM %s) SELECT c.id FROM c",
	"WITH %[1]s AS (SELECT id FROM %[1]s) SELECT %[1]s.id FROM %[1]s",
	"WITH c AS MATERIALIZED (SELECT id FROM %s), d AS (SELECT id FROM c WHERE id > 1) SELECT count(*) FROM d, c",
	"SELECT (SELECT max(id) FROM %s) AS m FROM product",
	"SELECT p.id FROM product p WHERE EXISTS (SELECT FROM %s x WHERE x.id = p.id)",
	"SELECT p.id FROM product p LEFT JOIN %s x USING (id)",
	"SELECT p.id, l.id FROM product p CROSS JOIN LATERAL (SELECT x.id FROM %s x WHERE x.id >= p.id LIMIT 1) l",
	"SELECT id FROM ONLY (%s) LIMIT 1",
	"DELETE FROM %s WHERE id = 1",
	"DELETE FROM %s",
	"UPDATE %s SET id = id WHERE id = 2",
	"WITH gone AS (DELETE FROM %s WHERE id = 3 RETURNING id) SELECT * FROM gone",
	"INSERT INTO sink SELECT id FROM %s",
	"TRUNCATE %s",
	"TRUNCATE %s CASCADE",
	"LOCK TABLE %s IN ACCESS SHARE MODE",
	"EXPLAIN SELECT * FROM %s",
	"SELECT id FROM %s FOR UPDATE",
}

// lockServer lists the locks on relations.
var lockServer = &conformlocks.Server{
	Name: "Postgres", Flavor: dialects.Postgres,
	Locks: `SELECT n.nspname, c.relname, bool_or(l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))
	FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND c.relkind IN ('r', 'p', 'm', 'f')
	  AND n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema', 'livesql')
	GROUP BY 1, 2`,
}

// lockMeaning is a meaning that locks are held against.
type lockMeaning struct{ *meaning }

func (m lockMeaning) Analyze(text string) *dialects.Analysis { return m.analyze(text) }
func (m lockMeaning) Objects() []*dialects.Object            { return m.catalog.Objects() }

// Told: a change of a table is also told as one of its relatives: that of a
// partition reaches those who read the partitioned table.
func (m lockMeaning) Told(locked dialects.Table) []dialects.Table {
	for _, r := range m.schema.relations {
		if r.table == locked {
			return append([]dialects.Table{r.table}, r.relatives...)
		}
	}
	return nil // made by the statement itself
}

func (m lockMeaning) With(objects []dialects.Object) conformlocks.Meaning {
	other := *m.meaning
	other.catalog = dialects.NewCatalog(m.catalog.Version(), dialects.Postgres, objects).Trusting(m.schema.judge)
	return lockMeaning{&other}
}

func TestLocks(t *testing.T) {
	t.Parallel()
	db := server.Postgres(t).DB()
	fixtureExec(t, db, conformlocks.Paragraphs(locksSchema)...)
	fixtureInstall(t, db)
	m := lockMeaning{fixtureSchema(t, db).meaning(1)}
	var tried []string
	for _, r := range m.schema.relations {
		if r.table.Schema == "livesql" || r.kind == sequence {
			continue
		}
		for _, form := range relationForms {
			tried = append(tried, fmt.Sprintf(form, r.table.Name))
		}
	}
	s := conformlocks.Statements(t, lockServer, db, m, conformlocks.Paragraphs(locksStatements), tried)
	if s.Kept < 250 || s.Closed < 60 {
		t.Error("too few statements could be held against their locks")
	}
}
