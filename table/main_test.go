package table

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit bounds every wait. A test that runs into it fails.
const limit = 30 * time.Second

var errScripted = errors.New("as scripted")

// item is the row of most tests. N is the number of the transaction that wrote
// it last.
type item struct {
	ID   int64  `db:"id,pk"`
	Name string `db:"name"`
	N    int64  `db:"n"`
}

func soon(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	tb.Cleanup(cancel)
	return ctx
}

func newMemory(tb testing.TB, config MemoryConfig[item]) *Memory[int64, item] {
	tb.Helper()
	schema, err := NewSchema[int64, item]("item")
	if err != nil {
		tb.Fatal(err)
	}
	return NewMemory(schema, config)
}

func open(tb testing.TB, m *Memory[int64, item], opts ...Option) *LiveTable[int64, item] {
	tb.Helper()
	t, err := Open(soon(tb), m, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := t.Close(); err != nil {
			tb.Error(err)
		}
	})
	return t
}

// settled waits until the table has everything, and compares it with the
// source.
func settled(tb testing.TB, t *LiveTable[int64, item], m *Memory[int64, item]) {
	tb.Helper()
	if err := t.Sync(soon(tb)); err != nil {
		tb.Fatal(err)
	}
	want := m.Rows()
	for k, row := range t.All() {
		if row != want[k] {
			tb.Errorf("row %d is %v, want %v", k, row, want[k])
		}
	}
	if t.Len() != len(want) {
		tb.Errorf("%d rows, want %d", t.Len(), len(want))
	}
}
