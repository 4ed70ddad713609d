package table

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"
	"time"
)

// slowShelf is a shelf that takes its time to notice that nobody wants its rows.
type slowShelf struct {
	Shelf
	reached, closed chan struct{}
	both            bool // it was closed while it was read
}

func (s *slowShelf) Open(context.Context, string) (Shelf, error) { return s, nil }

func (s *slowShelf) Load(ctx context.Context, _ func(key, row []byte) error) ([]byte, error) {
	close(s.reached)
	<-ctx.Done()
	select {
	case <-s.closed:
		s.both = true
	case <-time.After(time.Second):
	}
	return nil, ctx.Err()
}

func (s *slowShelf) Replace(context.Context, []byte, iter.Seq2[StoredRow, error]) error { return nil }

func (s *slowShelf) Close() error {
	close(s.closed)
	return nil
}

// TestShelfIsReadAndThenClosed: a table that is closed while its stored rows are
// read closes the shelf afterwards.
func TestShelfIsReadAndThenClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowShelf{reached: make(chan struct{}), closed: make(chan struct{})}
		live, err := Open(t.Context(), newMemory(t, MemoryConfig[item]{Tells: true}), StoreIn(s), InBackground())
		if err != nil {
			t.Fatal(err)
		}
		<-s.reached
		if err := live.Close(); err != nil {
			t.Error(err)
		}
		if s.both {
			t.Error("the shelf was closed while it was read")
		}
	})
}
