package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/vantage-go/live/dialects/mysql"
	_ "github.com/vantage-go/live/dialects/postgres"
	_ "github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/outbox"
	"github.com/vantage-go/live/livesql"
)

// tables are what a program with a handle has open.
type tables struct {
	db       *livesql.DB
	notes    *livesql.LiveTable[int64, note]
	counters *livesql.LiveTable[int64, counter]
	pages    *livesql.LiveTable[int64, page]
}

func openTables(ctx context.Context, driver, dsn string, file *outbox.File) (*tables, []edit.Replayed, error) {
	// A busy machine may be slow.
	db, err := livesql.Open(ctx, driver, dsn, livesql.AutoInstall(), livesql.WithOutbox(file), livesql.Lease(time.Minute), livesql.FeedDeadline(30*time.Second))
	if err != nil {
		return nil, nil, err
	}
	t := &tables{db: db}
	var err1, err2, err3 error
	t.notes, err1 = livesql.OpenTable[int64, note](ctx, db, "note")
	t.counters, err2 = livesql.OpenTable[int64, counter](ctx, db, "counter")
	t.pages, err3 = livesql.OpenTable[int64, page](ctx, db, "page")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, nil, err
	}
	var all []edit.Replayed
	for _, replayed := range []func(context.Context) ([]edit.Replayed, error){t.notes.Replayed, t.counters.Replayed, t.pages.Replayed} {
		some, err := replayed(ctx)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, some...)
	}
	return t, all, nil
}

// openHandle opens a program that uses live tables of a handle.
func openHandle(ctx context.Context, driver, dsn string, file *outbox.File) (*program, error) {
	t, replayed, err := openTables(ctx, driver, dsn, file)
	if err != nil {
		return nil, err
	}
	return &program{
		note:     t.notes.New,
		counter:  func() (*edit.RecordEdit[int64, counter], error) { return t.counters.Edit(1) },
		page:     t.pages.Edit,
		replayed: replayed,
	}, nil
}

// TestKilledHandle is TestKilled with programs that only open a handle and
// tables: the outbox is replayed by that, and nobody made the ledger.
func TestKilledHandle(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, k *killing) {
		t.Helper()
		k.handle = true
		k.prepare()
		k.rounds()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		file, err := outbox.Open(k.file, outbox.Wait(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		left, err := file.Len()
		if err != nil {
			t.Fatal(err)
		}
		program, replayed, err := openTables(ctx, k.driver, k.dsn, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range replayed {
			if r.Err != nil {
				t.Errorf("replayed: %s %v %v: %v", r.Table, r.Kind, r.Values, r.Err)
			}
		}
		if len(replayed) != left {
			t.Errorf("%d of %d saves were replayed", len(replayed), left)
		}
		if err := errors.Join(program.notes.Close(), program.counters.Close(), program.pages.Close(), program.db.Close(), file.Close()); err != nil {
			t.Error(err)
		}
		k.judge()
	})
}

// A handle with an outbox keeps what its sessions save in a file until the
// database has it. What a process that was killed has left is saved when the
// next one opens the table.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "outbox")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file, err := outbox.Open(filepath.Join(dir, "saves"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = file.Close() }() // after the handle
	db, err := livesql.Open(ctx, "sqlite", filepath.Join(dir, "shop.db"), livesql.WithOutbox(file))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, "CREATE TABLE bakery (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"); err != nil {
		fmt.Println(err)
		return
	}

	type Bakery struct {
		ID   int64  `db:"id,pk"`
		Name string `db:"name"`
	}
	bakeries, err := livesql.OpenTable[int64, Bakery](ctx, db, "bakery")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = bakeries.Close() }()
	left, err := bakeries.Replayed(ctx) // of the last process, with what became of each
	fmt.Println(len(left), err)

	e := bakeries.New(Bakery{Name: "Rye and Shine"})
	defer func() { _ = e.Close() }()
	saving := e.SaveAsync()
	<-saving.Accepted() // on the disk: a crash loses it no more
	result, err := saving.Wait(ctx)
	fmt.Println(result.Kind, err)
	// Output:
	// 0 <nil>
	// created <nil>
}
