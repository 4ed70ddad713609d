package sqlstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
)

// later are changes of a table that a store has learnt before, after which the
// server makes something else of what is sent. Where there is no statement, rows
// are saved.
var later = map[dialects.Flavor]map[string][]string{
	dialects.Postgres: {
		"a trigger": {"CREATE TRIGGER low BEFORE UPDATE ON bakery FOR EACH ROW EXECUTE FUNCTION low()"},
		"a trigger where there are some": {
			"ALTER TABLE product ADD FOREIGN KEY (bakery_id) REFERENCES bakery", "", // learnt again
			"CREATE TRIGGER low BEFORE UPDATE ON bakery FOR EACH ROW EXECUTE FUNCTION low()",
		},
		"a trigger where there are none": {
			"DROP TABLE product", "VACUUM bakery", "", "CREATE TRIGGER low BEFORE UPDATE ON bakery FOR EACH ROW EXECUTE FUNCTION low()",
		},
		"a trigger of more": {
			"CREATE TRIGGER low BEFORE INSERT ON bakery FOR EACH ROW EXECUTE FUNCTION low()", "",
			"CREATE OR REPLACE TRIGGER low BEFORE INSERT OR UPDATE ON bakery FOR EACH ROW EXECUTE FUNCTION low()",
		},
		"another type": {"ALTER TABLE bakery ALTER city TYPE char(10)"},
		"another table": {
			"CREATE TABLE other (LIKE bakery INCLUDING ALL)", "INSERT INTO other SELECT * FROM bakery",
			"CREATE TRIGGER low BEFORE UPDATE ON other FOR EACH ROW EXECUTE FUNCTION low()",
			"BEGIN; ALTER TABLE bakery RENAME TO old; ALTER TABLE other RENAME TO bakery; COMMIT",
		},
		"a generated column": {"ALTER TABLE bakery DROP city; ALTER TABLE bakery ADD city text GENERATED ALWAYS AS (lower(name)) STORED"},
	},
	dialects.MySQL: {
		"a trigger":          {"CREATE TRIGGER low BEFORE UPDATE ON bakery FOR EACH ROW SET NEW.city = LOWER(NEW.city)"},
		"another type":       {"ALTER TABLE bakery MODIFY city char(10)"},
		"a generated column": {"ALTER TABLE bakery DROP city", "ALTER TABLE bakery ADD city VARCHAR(40) GENERATED ALWAYS AS (LOWER(name)) STORED"},
	},
	dialects.SQLite: {
		"a trigger": {"CREATE TRIGGER low AFTER UPDATE ON bakery BEGIN UPDATE bakery SET city = lower(city) WHERE id = NEW.id; END"},
		"another table": {
			"CREATE TABLE other (id INTEGER PRIMARY KEY, name TEXT, city INTEGER, stock INTEGER, version INTEGER)", "INSERT INTO other SELECT * FROM bakery",
			"PRAGMA foreign_keys = off", "DROP TABLE product", "DROP TABLE bakery", "ALTER TABLE other RENAME TO bakery",
		},
		"a generated column": {"ALTER TABLE bakery DROP COLUMN city", "ALTER TABLE bakery ADD COLUMN city VARCHAR(40) GENERATED ALWAYS AS (lower(name))"},
	},
}

// TestTableChanges: what is known of a table does not outlive its changes, not even
// for one save, alone or among others. What a save returns is what is stored.
func TestTableChanges(t *testing.T) {
	t.Parallel()
	for _, k := range kits {
		for name, changes := range later[k.flavor] {
			for _, together := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/together=%t", k.name, name, together), func(t *testing.T) {
					t.Parallel()
					changeTable(t, k.counted(), changes, name == "a generated column", together)
				})
			}
		}
	}
}

func changeTable(t *testing.T, k kit, changes []string, generated, together bool) {
	t.Helper()
	ctx := context.Background()
	b := k.start(t, nil)
	s := b.watch(edit.Linger(time.Millisecond))
	if k.flavor == dialects.Postgres {
		b.exec("CREATE FUNCTION low() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.city = lower(NEW.city); RETURN NEW; END'")
	}
	rows := 1
	if together {
		rows = 20
	}
	var edits []*edit.RecordEdit[int64, bakery]
	for i := range rows {
		b.exec(fmt.Sprintf("INSERT INTO bakery (id, name, city, version) VALUES (%d, 'B%d', 'x', 1)", i+1, i))
		edits = append(edits, b.edit(int64(i+1)))
	}
	n := 0
	save := func() {
		t.Helper()
		n++
		var saves []*edit.Pending[int64, bakery]
		for i, e := range edits {
			if generated {
				e.V.Name = fmt.Sprintf("NAME %d %d", n, i)
			} else {
				e.V.City = pointer(fmt.Sprintf("007%d", n))
				if n%2 == 0 {
					e.V.City = pointer(fmt.Sprintf("CITY %d", n))
				}
			}
			saves = append(saves, e.SaveAsync())
		}
		for i, p := range saves {
			r, err := p.Wait(ctx)
			if r.Kind != edit.Saved {
				t.Fatalf("save %d: %v", n, err)
			}
			read := must[any](t)(s.Read(ctx, b.bakeries.Table(), []any{int64(i + 1)})).(*bakery)
			if differ := b.bakeries.Table().Plan().Diff(read, &r.Row); !differ.Empty() {
				t.Fatalf("save %d: the result has the city %q, and the database %q: %+v, %+v", n, *r.Row.City, *read.City, r.Row, *read)
			}
		}
	}
	save()
	save()
	if inferred, _ := s.inferred(); (inferred > 0) != (k.flavor != dialects.MySQL) {
		t.Errorf("%d rows did not come back before the change", inferred)
	}
	for _, change := range changes {
		if change == "" {
			save()
			save()
			continue
		}
		b.exec(change)
	}
	save()
	save()
}

// TestStaleAmongDetermined: of rows that need not come back, it is told which were
// written.
func TestStaleAmongDetermined(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		ctx := context.Background()
		s := b.watch(edit.Linger(5 * time.Millisecond))
		const rows = 60
		var edits []*edit.RecordEdit[int64, bakery]
		for i := range rows {
			b.exec(fmt.Sprintf("INSERT INTO bakery (id, name, version) VALUES (%d, 'B%d', 1)", i+1, i))
			edits = append(edits, b.edit(int64(i+1)))
		}
		const rounds = 3 * 8 // stores may have rows come back for a while after a conflict
		for round := range rounds {
			stale := map[int]bool{}
			if round%8 == 3 {
				stale = map[int]bool{7: true, 30: true, 31: true}
				b.exec("UPDATE bakery SET name = CONCAT('new', name), version = version + 1 WHERE id IN (8, 31)", "DELETE FROM bakery WHERE id = 32",
					"UPDATE bakery SET city = 'elsewhere', version = version + 1 WHERE id IN (41, 55)")
			}
			var saves []*edit.Pending[int64, bakery]
			for i, e := range edits {
				if stale[i] {
					e.V.Name = fmt.Sprint("mine ", i, round)
				}
				e.V.Stock++
				saves = append(saves, e.SaveAsync())
			}
			for i, p := range saves {
				r, err := p.Wait(ctx)
				switch {
				case i == 31 && round >= 3:
					wantErr(t, err, edit.ErrDeleted)
				case stale[i]:
					wantErr(t, err, edit.ErrConflict)
					edits[i].Revert()
				case (i == 40 || i == 54) && r.Rebased != (round%8 == 3):
					t.Fatalf("round %d, row %d: %+v", round, i+1, r)
				case err != nil || r.Row.Stock != edits[i].V.Stock:
					t.Fatalf("round %d, row %d: %+v, %v", round, i+1, r.Row, err)
				}
			}
		}
		for i, e := range edits {
			if i == 31 {
				continue
			}
			row := must[any](t)(s.Read(ctx, b.bakeries.Table(), []any{int64(i + 1)})).(*bakery)
			snap := e.Snapshot()
			if differ := b.bakeries.Table().Plan().Diff(&snap, row); !differ.Empty() {
				t.Errorf("the session knows %+v, and the row is %+v", snap, *row)
			}
			want := int64(1 + rounds)
			if i == 40 || i == 54 {
				want += 3 // of others
			}
			if row.Version != want {
				t.Errorf("row %d was written %d times, not %d", i+1, row.Version-1, want-1)
			}
		}
		if inferred, all := s.inferred(); (inferred > 0) != b.kit.counts || inferred == all {
			t.Errorf("of %d rows %d did not come back", all, inferred)
		}
	})
}

// TestBroughtRows: a row that the caller has brought, of which it did not read
// all, is whole after the first save.
func TestBroughtRows(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		ctx := context.Background()
		b.exec("INSERT INTO bakery (id, name, city, version) VALUES (1, 'Rye', 'Riga', 1)")
		e := must[*edit.RecordEdit[int64, bakery]](t)(b.bakeries.EditRow(1, bakery{ID: 1, Version: 1}))
		defer e.Close()
		for range 3 {
			e.V.Stock++
			r, err := e.Save(ctx)
			if err != nil || r.Row.Name != "Rye" || e.V.Name != "Rye" || r.Row.City == nil || *r.Row.City != "Riga" {
				t.Fatalf("result is %+v, %v", r, err)
			}
		}
	})
}
