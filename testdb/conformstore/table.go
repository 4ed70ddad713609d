package conformstore

import (
	"context"
	"maps"
	"sync/atomic"
	"time"

	"github.com/vantage-go/live/table"
)

// item is a row of the live table.
type item struct {
	ID   int64      `db:"id,pk"`
	Name string     `db:"name"`
	At   *time.Time `db:"at"`
	Raw  []byte     `db:"raw"`
}

// counted is a source that counts the rows that are read all at once, and
// remembers them.
type counted struct {
	*table.Memory[int64, item]
	loads *atomic.Int64
}

func (c counted) Open(ctx context.Context) (table.Reading[int64, item], error) {
	r, err := c.Memory.Open(ctx)
	return countedReading{r, c.loads}, err
}

type countedReading struct {
	table.Reading[int64, item]
	loads *atomic.Int64
}

func (c countedReading) Load(ctx context.Context, yield func(int64, *item) error) error {
	c.loads.Add(1)
	return c.Reading.Load(ctx, yield)
}

func (c countedReading) Since(ctx context.Context, mark any) (table.News[int64], error) {
	return c.Reading.(table.Telling[int64]).Since(ctx, mark)
}

// checkTable: a live table finds its rows again, with what others have changed
// meanwhile, and reads them all where the store has them not or cannot be right.
func checkTable(x *exam) {
	schema, err := table.NewSchema[int64, item]("item")
	if err != nil {
		x.Fatal(err)
	}
	m := table.NewMemory(schema, table.MemoryConfig[item]{Tells: true})
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	commit := func(f func(tx *table.MemoryTx[int64, item])) { m.Commit(f) }
	commit(func(tx *table.MemoryTx[int64, item]) {
		tx.Set(item{ID: 1, Name: "a", At: &at, Raw: []byte{0, 255}})
		tx.Set(item{ID: 2, Name: "b"})
		tx.Set(item{ID: 3, Name: "c"})
	})
	loads := new(atomic.Int64)
	// run is one run of the program: what it shows, and how often all rows are
	// read.
	run := func(what string, wantLoads int64, during func(t *table.LiveTable[int64, item])) {
		x.Helper()
		before := loads.Load()
		t, err := table.Open(x.ctx, table.Source[int64, item](counted{m, loads}), table.StoreIn(x.Open(x)))
		if err != nil {
			x.Fatalf("%s: %v", what, err)
		}
		shown := func() {
			x.Helper()
			want := m.Rows()
			if got := maps.Collect(t.All()); !maps.EqualFunc(got, want, func(a, b item) bool { return schema.Equal(&a, &b) }) {
				x.Errorf("%s: shown are %v, want %v", what, got, want)
			}
		}
		shown()
		if n := loads.Load() - before; n != wantLoads {
			x.Errorf("%s: all rows were read %d times, want %d", what, n, wantLoads)
		}
		if during != nil {
			during(t)
		}
		if err := t.Sync(x.ctx); err != nil {
			x.Errorf("%s: %v", what, err)
		}
		shown()
		if err := t.Close(); err != nil {
			x.Errorf("%s: %v", what, err)
		}
		x.leave()
	}
	run("the first run", 1, nil)
	run("nothing has changed", 0, nil)
	commit(func(tx *table.MemoryTx[int64, item]) {
		tx.Set(item{ID: 2, Name: "changed meanwhile"})
		tx.Set(item{ID: 4, Name: "came meanwhile"})
		tx.Delete(3)
	})
	run("behind changes", 0, func(*table.LiveTable[int64, item]) {
		commit(func(tx *table.MemoryTx[int64, item]) {
			tx.Set(item{ID: 5, Name: "came while it was live"})
			tx.Delete(1)
		})
	})
	run("behind changes while it was live", 0, nil)
	m.Truncate()
	commit(func(tx *table.MemoryTx[int64, item]) { tx.Set(item{ID: 9, Name: "behind a truncate"}) })
	run("behind a change that tells no keys", 1, nil)
	run("after that", 0, nil)
	m.Forget()
	commit(func(tx *table.MemoryTx[int64, item]) { tx.Set(item{ID: 10, Name: "in another log"}) })
	run("behind another log", 1, nil)
	run("after that", 0, nil)

	type other struct {
		ID    int64      `db:"id,pk"`
		Title string     `db:"title"`
		At    *time.Time `db:"at"`
		Raw   []byte     `db:"raw"`
	}
	otherSchema, err := table.NewSchema[int64, other]("item")
	if err != nil {
		x.Fatal(err)
	}
	o := table.NewMemory(otherSchema, table.MemoryConfig[other]{Tells: true})
	o.Forget() // so that its log looks like the one of the items
	for range 30 {
		o.Commit(func(tx *table.MemoryTx[int64, other]) { tx.Set(other{ID: 77}) })
	}
	t, err := table.Open(x.ctx, table.Source[int64, other](o), table.StoreIn(x.Open(x)))
	if err != nil {
		x.Fatal(err)
	}
	if _, ok := t.Get(77); !ok || t.Len() != 1 {
		x.Errorf("with another layout, shown are %v", maps.Collect(t.All()))
	}
	if err := t.Close(); err != nil {
		x.Error(err)
	}
	x.leave()
	run("behind another layout", 1, nil)
}
