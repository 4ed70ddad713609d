package mysql

import (
	_ "embed"
	"fmt"
	"testing"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/conformlocks"
	"github.com/vantage-go/live/testdb/server"
)

// What a statement reads and writes, MariaDB itself tells by the metadata locks
// that it takes: those on tables, be they named in the statement, behind a view,
// in a function, or reached by a trigger or a foreign key. They are held against
// the analysis.

// locks_schema.sql is a schema in which statements reach tables in every way,
// locks_statements.sql are statements on it. Both are split at lines that are
// empty.
var (
	//go:embed testdata/locks_schema.sql
	locksSchema string
	//go:embed testdata/locks_statements.sql
	locksStatements string
)

// relationForms are statements that are tried on each table and view, for which
// %s stands.
var relationForms = []string{
	"SELECT * FROM %s",
	"SELECT COUNT(*) FROM %s WHERE id = 1",
	"SELECT id FROM %s UNION ALL SELECT id FROM customer",
	"WITH c AS (SELECT id FROM %s) SELECT c.id FROM c",
	"WITH c AS (SELECT id FROM %s), d AS (SELECT id FROM c WHERE id > 1) SELECT COUNT(*) FROM d, c",
	"SELECT (SELECT MAX(id) FROM %s) AS m FROM product",
	"SELECT p.id FROM product p WHERE EXISTS (SELECT 1 FROM %s x WHERE x.id = p.id)",
	"SELECT p.id FROM product p LEFT JOIN %s x ON x.id = p.id",
	"SELECT p.id FROM product p LEFT JOIN (SELECT id FROM %s) x USING (id)",
	"DELETE FROM %s WHERE id = 1",
	"DELETE FROM %s",
	"DELETE x FROM %s x JOIN product p ON p.id = x.id",
	"UPDATE %s SET id = id WHERE id = 2",
	"UPDATE IGNORE %s x, product p SET x.id = x.id + 50 WHERE p.id = x.id",
	"REPLACE INTO %s (id) VALUES (3)",
	"INSERT INTO %s (id) VALUES (77)",
	"INSERT INTO sink SELECT id FROM %s",
	"EXPLAIN SELECT * FROM %s",
	"SELECT id FROM %s FOR UPDATE",
}

// lockServer lists the metadata locks, which the plugin metadata_lock_info shows.
var lockServer = &conformlocks.Server{
	Name: "MariaDB", Flavor: dialects.MySQL, LockingReads: true,
	Locks: `SELECT table_schema, table_name,
	MAX(lock_mode NOT IN ('MDL_SHARED', 'MDL_SHARED_HIGH_PRIO', 'MDL_SHARED_READ', 'MDL_SHARED_READ_ONLY'))
	FROM information_schema.metadata_lock_info
	WHERE thread_id = CONNECTION_ID() AND lock_type = 'Table metadata lock' AND table_name <> 'livesql_log' AND table_schema <> 'information_schema'
	GROUP BY 1, 2`,
}

// lockMeaning is a catalogue that locks are held against.
type lockMeaning struct{ *known }

func (k lockMeaning) Analyze(text string) *dialects.Analysis {
	a := dialects.Words(dialects.MySQL, k.catalog, text)
	k.schema.extend(a, text)
	return a
}

func (k lockMeaning) Objects() []*dialects.Object { return k.catalog.Objects() }

func (k lockMeaning) Told(locked dialects.Table) []dialects.Table {
	if k.schema.find(locked.Name) == nil && locked.Schema == k.schema.tableNamed("").Schema {
		return nil // a view or a sequence: what is behind it is locked, too
	}
	return []dialects.Table{locked}
}

func (k lockMeaning) With(objects []dialects.Object) conformlocks.Meaning {
	return lockMeaning{&known{k.schema, dialects.NewCatalog(k.catalog.Version(), dialects.MySQL, objects).Trusting(k.schema.trust)}}
}

func TestLocks(t *testing.T) {
	db := server.OwnMariaDB(t, server.Setting("plugin_load_add", "metadata_lock_info")).Database(t)
	mustExec(t, db.DB(), conformlocks.Paragraphs(locksSchema)...)
	installAll(t, db.DB())
	k := lockMeaning{follow(t, db.SocketDSN(), listen.InstallNever).backend.known.Load()}
	var tried []string
	for _, o := range k.catalog.Objects() {
		for _, form := range relationForms {
			tried = append(tried, fmt.Sprintf(form, "`"+o.Table.Name+"`"))
		}
	}
	s := conformlocks.Statements(t, lockServer, db.DB(), k, conformlocks.Paragraphs(locksStatements), tried)
	if s.Kept < 200 || s.Closed < 100 {
		t.Error("too few statements could be held against their locks")
	}
}
