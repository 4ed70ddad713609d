package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
)

// ago is an expression for a time that lies so many hours back.
func (b *bench) ago(hours int) string {
	switch b.kit.flavor {
	case dialects.Postgres:
		return fmt.Sprintf("now() - interval '%d hours'", hours)
	case dialects.MySQL:
		return fmt.Sprintf("NOW() - INTERVAL %d HOUR", hours)
	default:
		return fmt.Sprintf("datetime('now', '-%d hours')", hours)
	}
}

// notes puts notes into the ledger that are so many hours old.
func (b *bench) notes(n, hours int) {
	b.Helper()
	var values []string
	for i := range n {
		values = append(values, fmt.Sprintf("('n-%d-%d', '[]', %s)", hours, i, b.ago(hours)))
	}
	b.exec("INSERT INTO livesql_saves (id, row_key, at) VALUES " + strings.Join(values, ", "))
}

const countNotes = "SELECT COUNT(*) FROM livesql_saves WHERE id LIKE 'n-%%-%%' AND at < %s"

// TestLedgerIsPruned: a writer drops old notes by and by, a thousand after each
// batch, and keeps those that are younger than the retention; what may be gone
// is told.
func TestLedgerIsPruned(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		ctx := context.Background()
		b.ledgered(b.connector)
		b.notes(2500, 8*24)
		b.notes(10, 6*24)
		if until, err := b.store.Forgotten(ctx); err != nil || !until.IsZero() {
			t.Errorf("nothing was dropped, but notes from before %v may be gone, %v", until, err)
		}
		old := func() int { t.Helper(); return one[int](b, fmt.Sprintf(countNotes, b.ago(7*24))) }
		for i, want := range []int{1500, 500, 0, 0} {
			e := b.make(bakery{Name: fmt.Sprint("new ", i)})
			if _, err := e.Save(ctx); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(time.Minute); old() > want; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("after batch %d there are %d old notes", i+1, old())
				}
			}
			if n := old(); n < want {
				t.Errorf("after batch %d there are %d old notes, want %d", i+1, n, want)
			}
		}
		if err := b.writer.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		if n := one[int](b, "SELECT COUNT(*) FROM livesql_saves WHERE id LIKE 'n-144-%'"); n != 10 {
			t.Errorf("%d of 10 notes are left that are not old enough", n)
		}
		if n := one[int](b, "SELECT COUNT(*) FROM livesql_saves WHERE row_key LIKE '[\"s%'"); n != 4 {
			t.Errorf("%d notes of the 4 saves", n)
		}
		until, err := b.store.Forgotten(ctx)
		if age := time.Since(until); err != nil || age < 7*24*time.Hour || age > 7*24*time.Hour+time.Hour {
			t.Errorf("notes are told to be dropped up to %v, %v", until, err)
		}
		// Another program, which keeps them for longer, does not take it back.
		pool := sql.OpenDB(b.connector)
		t.Cleanup(func() { _ = pool.Close() })
		other := sqlstore.New(pool, b.kit.flavor, sqlstore.WithLedger(), sqlstore.LedgerRetention(30*24*time.Hour))
		t.Cleanup(func() { _ = other.Close() })
		if err := other.Tidy(ctx); err != nil {
			t.Error(err)
		}
		if again, err := other.Forgotten(ctx); err != nil || !again.Equal(until) {
			t.Errorf("notes are told to be dropped up to %v, it was %v before, %v", again, until, err)
		}
	})
}

// TestLedgerIsKept: without a retention nothing is dropped.
func TestLedgerIsKept(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		ctx := context.Background()
		store := sqlstore.New(b.db, b.kit.flavor, sqlstore.WithLedger(), sqlstore.LedgerRetention(0))
		t.Cleanup(func() { _ = store.Close() })
		if there, err := store.HasLedger(ctx); there || err != nil {
			t.Errorf("there is a ledger: %v, %v", there, err)
		}
		for range 2 { // the second finds it
			if err := store.InstallLedger(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if there, err := store.HasLedger(ctx); !there || err != nil {
			t.Errorf("there is a ledger: %v, %v", there, err)
		}
		b.notes(10, 10000)
		w := edit.NewWriter(store)
		table := must[*edit.Table](t)(sqlstore.Table[bakery](ctx, store, "", "bakery"))
		e := must[*edit.Editor[int64, bakery]](t)(edit.NewEditor[int64, bakery](w, table)).New(bakery{Name: "new"})
		_, err := e.Save(ctx)
		_ = e.Close()
		if err := w.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		if n := one[int](b, "SELECT COUNT(*) FROM livesql_saves"); n != 11 || err != nil {
			t.Errorf("%d notes, %v", n, err)
		}
	})
}
