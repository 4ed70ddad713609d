package livesql_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/livesql"
)

// countedRow is a row whose updates are counted.
type countedRow struct {
	ID      int64  `db:"id,pk"`
	Name    string `db:"name"`
	City    string `db:"city"`
	Version int64  `db:"version,version"`
}

// TestPostgresEdits: sessions are seen by the cache, whether their rows come back or
// need not, and what the server makes of a row in ways that nobody knew of shows in
// the table and in the session soon.
func TestPostgresEdits(t *testing.T) {
	t.Parallel()
	t.Run("read", func(t *testing.T) {
		t.Parallel()
		postgresEdits(t, false)
	})
	t.Run("counted", func(t *testing.T) {
		t.Parallel()
		postgresEdits(t, true, livesql.VersionsCounted())
	})
}

func postgresEdits(t *testing.T, counted bool, opts ...livesql.Option) {
	t.Helper()
	const rows = 40
	onPostgres(t, []string{
		"CREATE TABLE counted (id bigint PRIMARY KEY, name text NOT NULL, city text NOT NULL, version bigint NOT NULL DEFAULT 1)",
		fmt.Sprintf("INSERT INTO counted SELECT i, 'name ' || i, 'Riga' FROM generate_series(1, %d) i", rows),
		"CREATE FUNCTION low() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name = lower(NEW.name); RETURN NEW; END'",
	}, func(f *pgFixture) {
		f.db = f.open(f.database.DSN(), opts...)
		f.exec(f.db, "SELECT 1")
		table, err := livesql.OpenTable[int64, countedRow](f.ctx, f.db, "counted")
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(func() { _ = table.Close() })
		var edits []*livesql.RecordEdit[int64, countedRow]
		for id := range int64(rows) {
			e, err := table.Edit(id + 1)
			if err != nil {
				f.Fatal(err)
			}
			f.Cleanup(func() { _ = e.Close() })
			edits = append(edits, e)
		}
		const query = "SELECT count(*) FROM counted WHERE name LIKE 'round %'"
		save := func(round int) {
			f.Helper()
			var saves []*livesql.Pending[int64, countedRow]
			for i, e := range edits {
				e.V.Name = fmt.Sprintf("round %d %d", round, i)
				saves = append(saves, e.SaveAsync())
			}
			for _, p := range saves {
				if r, err := p.Wait(f.ctx); err != nil || r.Row.Version != int64(round+1) {
					f.Fatalf("round %d: %+v, %v", round, r.Row, err)
				}
			}
			if got := f.rows(f.db, query); got != f.rows(f.other, query) {
				f.Errorf("round %d: the handle reads %s, and the database has %s", round, got, f.rows(f.other, query))
			}
		}
		f.rows(f.db, query)
		for round := range 3 {
			save(round + 1)
		}
		e := edits[0]
		eventually := func(what string, ok func(row countedRow) bool) {
			f.Helper()
			for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
				row, _ := table.Get(1)
				if _, err := e.Merge(); err != nil {
					f.Fatal(err)
				}
				if ok(row) && ok(e.V) && !e.Dirty() {
					return
				}
				if time.Now().After(deadline) {
					f.Fatalf("%s: the table shows %+v, the session %+v, modified %v", what, row, e.V, e.Modified())
				}
			}
		}
		// Another program changes a row without counting that.
		f.exec(f.other, "UPDATE counted SET city = 'Ventspils' WHERE id = 1")
		e.V.Name = "counted"
		r, err := e.Save(f.ctx)
		if err != nil || !counted && r.Row.City != "Ventspils" {
			f.Fatalf("result is %+v, %v", r.Row, err)
		}
		const unread = `SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'UPDATE "counted" SET "name"%pg_class%'`
		if got := f.rows(f.other, unread); strings.Contains(got, "true") != counted {
			f.Errorf("the last statement did not read its row: %s", got)
		}
		eventually("not counted", func(row countedRow) bool {
			return row == countedRow{ID: 1, Name: "counted", City: "Ventspils", Version: 5}
		})
		f.exec(f.other, "CREATE TRIGGER low BEFORE UPDATE ON counted FOR EACH ROW EXECUTE FUNCTION low()")
		e.V.Name = "UPPER"
		if r, _ := e.Save(f.ctx); r.Row.Name != "upper" {
			f.Errorf("the result is %+v", r.Row)
		}
		eventually("a trigger", func(row countedRow) bool {
			return row == countedRow{ID: 1, Name: "upper", City: "Ventspils", Version: 6}
		})
	})
}
