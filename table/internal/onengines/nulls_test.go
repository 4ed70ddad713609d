package onengines_test

import (
	"fmt"
	"testing"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/table"
)

// TestWindowOfNulls: a column may have NULLs that had to have none when the window was
// opened.
func TestWindowOfNulls(t *testing.T) {
	t.Parallel()
	type day struct {
		Day int64  `db:"day,pk"`
		N   *int64 `db:"n"`
	}
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e, "CREATE TABLE days (day BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
		const days = 40
		for i := range days {
			r.exec(t, fmt.Sprintf("INSERT INTO days VALUES (%d, %d)", i, i))
		}
		up := window[int64, day](t, r, "days", table.OrderBy("n"), table.PageSize(10))
		down := window[int64, day](t, r, "days", table.OrderBy("n DESC"), table.PageSize(10))
		r.exec(t, map[dialects.Flavor][]string{
			dialects.Postgres: {"ALTER TABLE days ALTER n DROP NOT NULL"},
			dialects.MySQL:    {"ALTER TABLE days MODIFY n BIGINT"},
			dialects.SQLite:   {"ALTER TABLE days DROP COLUMN n", "ALTER TABLE days ADD n BIGINT", "UPDATE days SET n = day"},
		}[e.dialect.Flavor()]...)
		if _, err := e.dialect.Install(soon(t), r.other, listen.InstallOptions{Tables: []string{"days"}}); err != nil {
			t.Fatal(err)
		}
		r.exec(t, "UPDATE days SET n = NULL WHERE day >= 35")
		for name, w := range map[string]*table.Window[int64, day]{"up": up, "down": down} {
			for from := 0; from < days; from += 10 {
				w.SetViewport(from, from+10)
				if err := w.Sync(soon(t)); err != nil {
					t.Fatal(err)
				}
				for i := from; i < from+10; i++ {
					want := int64(i)
					if name == "down" && i < 35 {
						want = 34 - want
					}
					if row, ok := w.Row(i); !ok || row.Day != want || (row.N == nil) != (i >= 35) {
						t.Errorf("%s: at %d is %v, %v, want %d", name, i, row, ok, want)
					}
				}
			}
			if n, kind := w.Total(); n != days || kind != table.TotalExact {
				t.Errorf("%s: %d rows, %v", name, n, kind)
			}
		}
	})
}
