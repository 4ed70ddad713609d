package onengines_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/table"
)

// TestStartsWarm: a table starts with the rows that a store has kept, and with
// what others have changed meanwhile: keys, bulks, deletes; everything is read
// again when the schema has changed, or the table was emptied.
func TestStartsWarm(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, e.items("item"), "CREATE TABLE chosen (id BIGINT NOT NULL PRIMARY KEY)")
		for i := 1; i <= 50; i++ {
			r.exec(t, fmt.Sprintf("INSERT INTO item (id, grp, name, note) VALUES (%d, %d, 'x', NULL)", i, i%3))
		}
		if err := r.db.Feed.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		store := table.NewMemoryStore()
		run := func(what string, warm bool, during ...string) {
			t.Helper()
			before := r.whole.Load()
			all := live[int64, row](t, r, "item", table.StoreIn(store))
			one := live[int64, row](t, r, "item", table.StoreIn(store), table.Where("grp = ?", 1))
			read := r.whole.Load() - before
			if warm && read > 0 || !warm && read < 2 { // a change of the schema makes them be read again
				t.Errorf("%s: all rows were read %d times", what, read)
			}
			r.exec(t, during...)
			synchronize(t, all)
			synchronize(t, one)
			fresh, err := table.OpenPlain[int64, row](soon(t), r.db, "item")
			if err != nil {
				t.Fatal(err)
			}
			rows, err := fresh.List(soon(t))
			if err != nil {
				t.Fatal(err)
			}
			want, wantOne := map[int64]string{}, map[int64]string{}
			for _, row := range rows {
				want[row.ID] = row.String()
				if row.Grp == 1 {
					wantOne[row.ID] = row.String()
				}
			}
			text := func(l *table.LiveTable[int64, row]) map[int64]string {
				shown := map[int64]string{}
				for k, row := range l.All() {
					shown[k] = row.String()
				}
				return shown
			}
			if got := text(all); !maps.Equal(got, want) {
				t.Errorf("%s: shown are %v, want %v", what, got, want)
			}
			if got := text(one); !maps.Equal(got, wantOne) {
				t.Errorf("%s: shown in the group are %v, want %v", what, got, wantOne)
			}
			if err := errors.Join(all.Close(), one.Close()); err != nil {
				t.Error(err)
			}
		}
		run("the first run", false)
		run("nothing has changed", true)
		r.exec(t, "UPDATE item SET note = 'n' WHERE id = 7", "DELETE FROM item WHERE id = 8", "UPDATE item SET grp = 1 WHERE id = 9", "UPDATE item SET id = 90 WHERE id = 10")
		run("behind changes", true, "UPDATE item SET note = 'm' WHERE id = 7", "DELETE FROM item WHERE id = 11")
		run("behind changes while it was live", true)
		r.exec(t, "DELETE FROM item WHERE id > 20")
		run("behind a bulk", true)
		empty := "TRUNCATE TABLE item"
		if e.dialect.Flavor() == dialects.SQLite {
			empty = "ALTER TABLE item ADD COLUMN more BIGINT" // there is no TRUNCATE
		}
		r.exec(t, empty, "INSERT INTO item (id, grp, name) VALUES (1, 1, 'new')"+upsertTail(e))
		run("behind what leaves no keys", false)
		run("after that", true)
		r.exec(t, "DROP TABLE chosen")
		run("behind another schema", false)
	})
}

// upsertTail makes an insert write over what is there.
func upsertTail(e engine) string { return e.upsert }

// TestUnkept: rows that others might not see, or that cannot be told apart from
// those of other arguments, are not kept.
func TestUnkept(t *testing.T) {
	t.Parallel()
	e := engines()[2]
	r := newRig(t, e, e.items("item"))
	store := table.NewMemoryStore()
	if _, err := table.OpenTable[int64, row](soon(t), r.db, "item", table.StoreIn(store), table.Where("grp = ?", []byte("1"))); err == nil {
		t.Error("an argument that has no text is taken")
	}
	if _, err := table.OpenTable[int64, row](soon(t), r.db, "item", table.StoreIn(store), table.PollEvery(1e9)); !errors.Is(err, table.ErrNotTold) {
		t.Errorf("polled: %v", err)
	}
	r.exec(t, "ALTER TABLE item ENABLE ROW LEVEL SECURITY")
	if err := r.db.Feed.Sync(soon(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := table.OpenTable[int64, row](soon(t), r.db, "item", table.StoreIn(store)); err == nil || !strings.Contains(err.Error(), "row-level security") {
		t.Errorf("under row-level security: %v", err)
	}
}
