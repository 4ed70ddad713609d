package torture

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vantage-go/live/dialects/postgres"
	_ "github.com/vantage-go/live/dialects/postgres/pgx" // registers the dialect
)

// tenant is the role that sees its own rows only.
const tenant = "torture_tenant"

// postgresEngine is PostgreSQL. The judged handles go through both drivers,
// and through the first one it is written, too.
func postgresEngine(written, other string) Engine {
	return Engine{
		name: written, capture: postgres.Dialect{}, driver: "postgres", dialects: [2]string{written, other},
		dsn: func(dsn string) string { return dsn }, begin: "BEGIN", numbered: true, crowded: true, deferred: true, folds: true,
		schema:  postgresSchema,
		changes: postgresChanges,
		alterations: func(d *draw, f facts) []alteration {
			grp := d.group()
			all := append(wideAlterations(d, f), alteration{
				ddl: []string{"CREATE OR REPLACE" + shownView(d.lane, grp)[len("CREATE"):]}, set: fmt.Sprintf("shown = %d", grp),
			})
			if f.Detached == 0 {
				return append(all, alteration{ddl: []string{fmt.Sprintf("ALTER TABLE piece DETACH PARTITION piece_%d", d.lane)}, set: "detached = 1"})
			}
			// A partition that is away comes back soon.
			return []alteration{{ddl: []string{fmt.Sprintf("ALTER TABLE piece ATTACH PARTITION piece_%d FOR VALUES IN (%[1]d)", d.lane)}, set: "detached = 0"}}
		},
		noises: []string{
			"CREATE INDEX IF NOT EXISTS noise ON item(ver)", "DROP INDEX IF EXISTS noise",
			"ALTER TABLE item ADD COLUMN IF NOT EXISTS noise INTEGER", "ALTER TABLE item DROP COLUMN IF EXISTS noise",
		},
		sessions: []sessionSettings{
			{},
			{set: []string{"SET search_path TO far, public"}, reset: []string{"RESET search_path"}},
			{set: []string{"SET ROLE " + tenant}, reset: []string{"RESET ROLE"}},
		},
		spots: []string{
			"SELECT n FROM public.spot WHERE lane = %d", "SELECT n FROM far.spot WHERE lane = %d",
			"SELECT sum(n) FROM secret WHERE lane = %d AND owner = '" + tenant + "'", "SELECT sum(n) FROM secret WHERE lane = %d",
		},
		placed: func(lane int64) []question {
			return []question{
				spotQuestion(lane, 0, 0), spotQuestion(lane, 1, 1), spotQuestion(lane, 0, 2),
				secretQuestion(lane, 3, 0), secretQuestion(lane, 2, 2),
			}
		},
		aborted: func(err error) bool {
			// A deadlock, a lock that took too long, a transaction among others.
			return slices.Contains([]string{"40P01", "55P03", "40001"}, sqlState(err))
		},
		transient: func(err error) bool {
			// "cached plan must not change result type"
			return sqlState(err) == "0A000"
		},
	}
}

// sqlState returns the code that both drivers find in an error of the server.
func sqlState(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}

// secretQuestion sums up the rows that the role may see.
func secretQuestion(lane int64, spot, session int) question {
	q := ask("SELECT sum(n) FROM secret WHERE lane = ?", func(_ int64, s state, row func(...int64)) { row(s.Spots[spot]) }, lane)
	q.session = session
	return q
}

func postgresSchema(s Shape) []string {
	function := func(name, body string) string {
		return fmt.Sprintf("CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN %s RETURN NEW; END $$", name, body)
	}
	all := append(commonSchema(s),
		"CREATE TABLE piece(lane INTEGER NOT NULL, id INTEGER NOT NULL, ver BIGINT NOT NULL, PRIMARY KEY (lane, id)) PARTITION BY LIST (lane)",
		// The number, at COMMIT.
		function("number", "UPDATE late SET n = NEW.n WHERE lane = NEW.lane;"),
		"CREATE CONSTRAINT TRIGGER number AFTER UPDATE ON seq DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION number()",
		// What the catalogue tells of, and what it does not.
		function("count_changes", "INSERT INTO audit(item, n) VALUES (NEW.id, 1) ON CONFLICT (item) DO UPDATE SET n = audit.n + 1;"),
		"CREATE TRIGGER count_changes AFTER INSERT OR UPDATE ON item FOR EACH ROW EXECUTE FUNCTION count_changes()",
		function("tick_on", "EXECUTE 'UPDATE ' || 'ti' || 'ck SET n = n + 1 WHERE lane = $1' USING NEW.item / 100;"),
		"CREATE TRIGGER tick_on AFTER INSERT OR UPDATE ON part FOR EACH ROW EXECUTE FUNCTION tick_on()",
		function("front_updated", "UPDATE item SET ver = NEW.ver WHERE id = OLD.id;"),
		"CREATE TRIGGER front_updated INSTEAD OF UPDATE ON front FOR EACH ROW EXECUTE FUNCTION front_updated()",
		"CREATE VIEW bin AS SELECT item, n FROM part",
		"CREATE RULE bin_emptied AS ON DELETE TO bin DO INSTEAD DELETE FROM part WHERE item = OLD.item AND n = OLD.n",
		"CREATE SCHEMA far",
		"CREATE TABLE far.spot(lane INTEGER NOT NULL PRIMARY KEY, n BIGINT NOT NULL)",
		"CREATE TABLE secret(lane INTEGER NOT NULL, owner TEXT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (lane, owner))",
		"ALTER TABLE secret ENABLE ROW LEVEL SECURITY",
		"CREATE POLICY own ON secret USING (owner = current_user)",
		// Another run on the server may be just as far.
		"DO $$ BEGIN CREATE ROLE "+tenant+"; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
	)
	for lane := range s.Lanes {
		all = append(all,
			fmt.Sprintf("CREATE TABLE piece_%d PARTITION OF piece FOR VALUES IN (%[1]d)", lane),
			fmt.Sprintf("INSERT INTO far.spot VALUES (%d, 0)", lane),
			fmt.Sprintf("INSERT INTO secret VALUES (%d, '%s', 0), (%[1]d, 'others', 0)", lane, tenant),
		)
	}
	return append(all, "GRANT USAGE ON SCHEMA far TO "+tenant, "GRANT SELECT ON ALL TABLES IN SCHEMA public, far TO "+tenant)
}

func postgresChanges(d *draw) []change {
	id, grp, other, c := d.item(), d.group(), d.item(), d.code()
	return append(commonChanges(d), []change{
		{text: "INSERT INTO item(id, grp, code, ver) VALUES (?, ?, NULL, ?) ON CONFLICT (id) DO UPDATE SET ver = excluded.ver", args: []any{id, grp, d.version}},
		{text: "INSERT INTO item(id, grp, code, ver) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", args: []any{id, grp, c, d.version}},
		{text: "INSERT INTO item(id, grp, code, ver) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING ver", args: []any{other, grp, c, d.version}, returns: true},
		{text: "UPDATE item SET code = ?, ver = ? WHERE id = ? AND NOT EXISTS (SELECT 1 FROM item AS o WHERE o.code = ?)", args: []any{c, d.version, id, c}},
		// Its parts come along.
		{text: "UPDATE item SET id = ?, ver = ? WHERE id = ? AND NOT EXISTS (SELECT 1 FROM item AS o WHERE o.id = ?)", args: []any{other, d.version, id, other}},
		{text: "UPDATE item SET ver = ? WHERE id = ? RETURNING ver", args: []any{d.version, id}, returns: true},
		{text: "WITH up AS (UPDATE item SET ver = ? WHERE id = ? RETURNING id) UPDATE part SET ver = ? WHERE item IN (SELECT id FROM up)", args: []any{d.version, id, d.version}},
		{text: "WITH gone AS (DELETE FROM item WHERE id = ? RETURNING ver) SELECT ver FROM gone", args: []any{id}, returns: true},
		{
			text: "MERGE INTO item AS i USING (SELECT CAST(? AS integer) AS id, CAST(? AS integer) AS grp, CAST(? AS bigint) AS ver) AS s ON i.id = s.id WHEN MATCHED THEN UPDATE SET ver = s.ver WHEN NOT MATCHED THEN INSERT (id, grp, ver) VALUES (s.id, s.grp, s.ver)",
			args: []any{id, grp, d.version},
		},
		{text: "INSERT INTO item(id, grp, ver) SELECT i, ?, ? FROM generate_series(CAST(? AS integer), CAST(? AS integer)) AS i ON CONFLICT (id) DO NOTHING", args: []any{grp, d.version, min(id, other), max(id, other)}},
		{text: "INSERT INTO part(item, n, ver) SELECT id, ?, ? FROM item WHERE id = ? ON CONFLICT (item, n) DO UPDATE SET ver = excluded.ver", args: []any{d.part(), d.version, id}},
		{text: "INSERT INTO part(item, n, ver) SELECT id, 0, ? FROM item WHERE grp = ? ON CONFLICT (item, n) DO UPDATE SET ver = excluded.ver", args: []any{d.version, grp}},
		{text: "DELETE FROM bin WHERE item = ? AND n = 0", args: []any{id}},
		{text: "UPDATE far.spot SET n = ? WHERE lane = ?", args: []any{d.version, d.lane}},
		{text: "UPDATE secret SET n = ? WHERE lane = ? AND owner = ?", args: []any{d.version, d.lane, tenant}},
		{text: "UPDATE secret SET n = ? WHERE lane = ? AND owner <> ?", args: []any{d.version, d.lane, tenant}},
		// Through the root, and into the partition itself, which need not be attached.
		{text: fmt.Sprintf("INSERT INTO piece_%d(lane, id, ver) VALUES (?, ?, ?) ON CONFLICT (lane, id) DO UPDATE SET ver = excluded.ver", d.lane), args: []any{d.lane, d.piece(), d.version}},
		{text: "INSERT INTO piece(lane, id, ver) SELECT ?, ?, ? FROM facts WHERE lane = ? AND detached = 0 ON CONFLICT (lane, id) DO UPDATE SET ver = excluded.ver", args: []any{d.lane, d.piece(), d.version, d.lane}},
		{text: fmt.Sprintf("TRUNCATE piece_%d", d.lane)},
	}...)
}
