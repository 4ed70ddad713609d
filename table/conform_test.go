package table_test

import (
	"testing"

	"github.com/vantage-go/live/table"
	"github.com/vantage-go/live/testdb/conformtable"
)

// TestSets runs the one suite on every set there is.
func TestSets(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		t.Run("live", func(t *testing.T) {
			conformtable.Run(t, func(tb testing.TB) *conformtable.Fixture { tb.Helper(); return memorySet(tb, true) })
		})
		t.Run("plain", func(t *testing.T) {
			conformtable.Run(t, func(tb testing.TB) *conformtable.Fixture { tb.Helper(); return memorySet(tb, false) })
		})
	})
}

// memorySet is a set in memory. The whole table is another view of it.
func memorySet(tb testing.TB, live bool) *conformtable.Fixture {
	tb.Helper()
	schema, err := table.NewSchema[int64, conformtable.Row]("item")
	if err != nil {
		tb.Fatal(err)
	}
	m := table.NewMemory(schema, table.MemoryConfig[conformtable.Row]{
		Within: func(r *conformtable.Row) bool { return r.Grp == 1 },
		Number: func(r *conformtable.Row, n int64) { r.ID = n },
	})
	whole := m.Whole()
	open := func(source table.Source[int64, conformtable.Row]) table.DataSet[int64, conformtable.Row] {
		if !live {
			set, err := table.NewTable(source)
			if err != nil {
				tb.Fatal(err)
			}
			return set
		}
		t, err := table.Open(soon(tb), source)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = t.Close() })
		return synced{t.Set(), t}
	}
	set, all := open(m), open(whole)
	return &conformtable.Fixture{
		Set: set, Whole: all,
		Seed: func(tb testing.TB, rows ...conformtable.Row) {
			tb.Helper()
			m.Commit(func(tx *table.MemoryTx[int64, conformtable.Row]) {
				for _, r := range rows {
					tx.Set(r)
				}
			})
			for _, s := range []any{set, all} {
				if s, ok := s.(synced); ok {
					if err := s.table.Sync(soon(tb)); err != nil {
						tb.Error(err)
					}
				}
			}
		},
		Stored: func(tb testing.TB) []conformtable.Row {
			tb.Helper()
			var all []conformtable.Row
			for _, r := range whole.Rows() {
				all = append(all, r)
			}
			return all
		},
	}
}

// synced is the set of a live table.
type synced struct {
	table.DataSet[int64, conformtable.Row]
	table *table.LiveTable[int64, conformtable.Row]
}
