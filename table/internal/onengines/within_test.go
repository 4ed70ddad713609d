package onengines_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/table"
)

// TestDeltaIn reads the change log in a transaction: it tells everything that
// the transaction sees and the cursor does not, however long others that wrote
// it took, and nothing of what was committed later.
func TestDeltaIn(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		if e.name == "sqlite without wal" {
			e.open = engines()[0].open // readers would keep the writer out
		}
		r := newRig(t, e, e.items("item"))
		concurrent := e.dialect.Flavor() != dialects.SQLite
		insert := func(on interface {
			Exec(string, ...any) (sql.Result, error)
		}, id int,
		) {
			t.Helper()
			if _, err := on.Exec(fmt.Sprintf("INSERT INTO item (id, grp, name) VALUES (%d, 0, 'x')", id)); err != nil {
				t.Fatal(err)
			}
		}
		cursors := make(cursors, 1)
		defer r.db.Feed.Subscribe(cursors)()
		var slow *sql.Tx
		if concurrent { // written before the cursor, committed after it
			var err error
			if slow, err = r.other.Begin(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = slow.Rollback() }()
			insert(slow, 1)
		}
		insert(r.other, 2)
		if err := r.db.Feed.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		since := <-cursors
		want := []int64{3}
		insert(r.other, 3)
		if concurrent {
			if err := slow.Commit(); err != nil {
				t.Fatal(err)
			}
			want = []int64{1, 3}
		}
		tx, err := r.db.DB.BeginTx(soon(t), &sql.TxOptions{ReadOnly: true, Isolation: isolation(e)})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		for range 2 { // the first one decides of which moment it is
			delta, err := r.db.Feed.DeltaIn(soon(t), tx, since)
			if err != nil || delta.Reset != "" {
				t.Fatalf("%q, %v", delta.Reset, err)
			}
			var keys []int64
			for _, c := range delta.Changes {
				keys = append(keys, c.Key.(int64))
			}
			slices.Sort(keys)
			if !slices.Equal(keys, want) {
				t.Errorf("told were %v, want %v", keys, want)
			}
			insert(r.other, 4+len(want)+int(time.Now().UnixNano()%1e6))
		}
		if _, err := (&table.Database{Feed: listen.NewFeed(struct{ listen.Source }{})}).Feed.DeltaIn(soon(t), tx, since); !errors.Is(err, listen.ErrNotWithin) {
			t.Errorf("a source that cannot: %v", err)
		}
	})
}

func isolation(e engine) sql.IsolationLevel {
	if e.dialect.Flavor() == dialects.SQLite {
		return sql.LevelDefault
	}
	return sql.LevelRepeatableRead
}

// cursors has the cursor behind the last batch.
type cursors chan listen.Cursor

func (c cursors) Apply(b listen.Batch) {
	select {
	case <-c:
	default:
	}
	c <- b.Cursor
}

func (c cursors) Changed(listen.State) {}
