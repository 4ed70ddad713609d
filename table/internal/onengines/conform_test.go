package onengines_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vantage-go/live/table"
	"github.com/vantage-go/live/testdb/conformtable"
)

// TestSets runs the suite on every set there is.
func TestSets(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		for name, live := range map[string]bool{"live": true, "plain": false} {
			t.Run(name, func(t *testing.T) {
				// One database for all checks, which is quicker than one for each.
				r := newRig(t, e, e.items("item"))
				for _, c := range conformtable.Checks() {
					t.Run(c.Name, func(t *testing.T) {
						r.exec(t, "DELETE FROM item")
						c.Run(t, sqlSet(t, r, live))
					})
				}
			})
		}
	})
}

// sqlSet is a set on a database.
func sqlSet(tb testing.TB, r *rig, live bool) *conformtable.Fixture {
	tb.Helper()
	open := func(opts ...table.Option) (table.DataSet[int64, conformtable.Row], func()) {
		if !live {
			set, err := table.OpenPlain[int64, conformtable.Row](soon(tb), r.db, "item", opts...)
			if err != nil {
				tb.Fatal(err)
			}
			return set, func() {}
		}
		t, err := table.OpenTable[int64, conformtable.Row](soon(tb), r.db, "item", opts...)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() {
			if err := t.Close(); err != nil {
				tb.Error(err)
			}
		})
		return t.Set(), func() {
			if err := t.Sync(soon(tb)); err != nil {
				tb.Error(err)
			}
		}
	}
	set, sync := open(table.Where("grp = ? OR grp = ?", 1, 1))
	whole, syncWhole := open()
	return &conformtable.Fixture{
		Set: set, Whole: whole,
		Seed: func(tb testing.TB, rows ...conformtable.Row) {
			tb.Helper()
			for _, row := range rows {
				r.exec(tb, r.upsertRow(row))
			}
			sync()
			syncWhole()
		},
		Stored: func(tb testing.TB) (all []conformtable.Row) {
			tb.Helper()
			rows, err := r.other.QueryContext(soon(tb), "SELECT id, grp, name, note FROM item")
			if err != nil {
				tb.Fatal(err)
			}
			defer func() { _ = rows.Close() }()
			for rows.Next() {
				var row conformtable.Row
				if err := rows.Scan(&row.ID, &row.Grp, &row.Name, &row.Note); err != nil {
					tb.Fatal(err)
				}
				all = append(all, row)
			}
			return all
		},
	}
}

// upsertRow writes a row whatever is there.
func (r *rig) upsertRow(row conformtable.Row) string {
	literal := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	note := "NULL"
	if row.Note != nil {
		note = literal(*row.Note)
	}
	return fmt.Sprintf("INSERT INTO item (id, grp, name, note) VALUES (%d, %d, %s, %s)%s", row.ID, row.Grp, literal(row.Name), note, r.upsert)
}
