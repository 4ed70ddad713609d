package testdb_test

import (
	"context"
	"testing"
	"time"

	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb"
)

// TestLiveTable: live tables work without a database, with readings that the
// test expects and changes that it scripts.
func TestLiveTable(t *testing.T) {
	t.Parallel()
	type bakery struct {
		ID     int64   `db:"id,pk"`
		Margin float64 `db:"margin"`
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	m := testdb.Mock(t, testdb.Tables("bakery"))
	reads := func(query string, rows ...bakery) {
		answer := m.NewRows([]string{"id", "margin"})
		for _, r := range rows {
			answer.AddRow(r.ID, r.Margin)
		}
		m.ExpectBegin()
		m.ExpectQuery(query).WillReturnRows(answer)
		m.ExpectRollback()
	}
	reads("SELECT .* FROM .*bakery", bakery{1, 0.1}, bakery{2, 0.2})
	live, err := livesql.OpenTable[int64, bakery](ctx, m.DB, "bakery")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = live.Close() }()
	events := live.Events(ctx)
	reads("SELECT .* FROM .*bakery.* WHERE .*id.* IN", bakery{2, 0.3})
	m.Feed.Change("bakery", int64(2))
	for b, err := range events {
		if err != nil || len(b.Diffs) != 1 || b.Diffs[0].New().Margin != 0.3 {
			t.Errorf("%+v, %v", b, err)
		}
		break
	}
	if row, ok := live.Get(1); !ok || row.Margin != 0.1 {
		t.Errorf("the other row is %v, %v", row, ok)
	}
}
