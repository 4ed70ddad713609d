package sqlstore_test

import (
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
)

// TestBatchesFindRowsByKey: on Postgres no batch reads a table from one end to the
// other, not even the first ones of a connection, which are planned with their values
// if nobody says otherwise.
func TestBatchesFindRowsByKey(t *testing.T) {
	t.Parallel()
	for _, k := range kitsOf(dialects.Postgres) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			b := k.start(t, nil)
			b.db.SetMaxIdleConns(0) // a server tells what it has counted when its connection ends
			b.exec("INSERT INTO bakery (id, name, version) SELECT i, 'bakery ' || i, 1 FROM generate_series(1, 20000) AS i", "ANALYZE bakery")
			const rows = 500
			saves := make([]*edit.Pending[int64, bakery], rows)
			edits := make([]*edit.RecordEdit[int64, bakery], rows)
			for i := range edits {
				edits[i] = b.edit(int64(i*37 + 1))
			}
			scans := func() (whole, byKey int) {
				return one[int](b, "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'bakery'"),
					one[int](b, "SELECT idx_scan FROM pg_stat_user_tables WHERE relname = 'bakery'")
			}
			for one[int](b, "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'bakery'") < 20000 {
				time.Sleep(10 * time.Millisecond)
			}
			before, byKeyBefore := scans()
			for range 3 {
				for i, e := range edits {
					e.V.Stock++
					saves[i] = e.SaveAsync()
				}
				for _, p := range saves {
					if _, err := p.Wait(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := b.store.Close(); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
				whole, byKey := scans()
				if whole > before {
					t.Fatalf("%d batches read the whole table", whole-before)
				}
				if byKey-byKeyBefore >= 3*rows {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d rows were found by their key", byKey-byKeyBefore)
				}
			}
		})
	}
}
