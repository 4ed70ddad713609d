package table_test

import (
	"testing"

	"github.com/vantage-go/live/table"
	"github.com/vantage-go/live/testdb/conformstore"
)

// TestMemoryStore runs the suite of row stores on the one in memory.
func TestMemoryStore(t *testing.T) {
	t.Parallel()
	conformstore.Run(t, func(testing.TB) *conformstore.Fixture {
		store := table.NewMemoryStore()
		return &conformstore.Fixture{Open: func(testing.TB) table.RowStore { return store }}
	})
}
