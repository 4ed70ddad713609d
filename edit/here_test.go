package edit_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/vantage-go/live/edit"
)

// caller is a store that tells when it is called.
type caller struct {
	*edit.Memory
	applied func()
}

func (c *caller) Apply(ctx context.Context, ops []*edit.Op) []edit.Outcome {
	c.applied()
	return c.Memory.Apply(ctx, ops)
}

// goroutine names the goroutine that it is called on.
func goroutine() string {
	stack := make([]byte, 64)
	name, _, _ := strings.Cut(string(stack[:runtime.Stack(stack, false)]), "[")
	return name
}

// called opens a session on a record of such a store.
func called(t *testing.T, applied func(), opts ...edit.Option) (*edit.Writer, *edit.Editor[int64, bakery]) {
	t.Helper()
	store := &caller{edit.NewMemory(), applied}
	w := edit.NewWriter(store, opts...)
	t.Cleanup(func() { _ = w.Close() })
	editor := editorOf[bakery](t, w, "bakery")
	for id := range int64(3) {
		store.Put(editor.Table(), &bakery{ID: id + 1})
	}
	return w, editor
}

func openOf(t *testing.T, editor *edit.Editor[int64, bakery], id int64) *edit.RecordEdit[int64, bakery] {
	t.Helper()
	e, err := editor.Edit(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// A save that waits is sent by its own goroutine only if that has nothing else to
// wait for, and if nobody is told on the writer's.
func TestSaveSendsItself(t *testing.T) {
	t.Parallel()
	within, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	for name, c := range map[string]struct {
		ctx  context.Context
		opts []edit.Option
		here bool
	}{
		"waits whatever happens": {context.Background(), nil, true},
		"may give up":            {within, nil, false},
		"is observed":            {context.Background(), []edit.Option{edit.Observe(func(edit.Event) {})}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own, sender := goroutine(), ""
			_, editor := called(t, func() { sender = goroutine() }, c.opts...)
			e := openOf(t, editor, 1)
			e.V.Name = "x"
			if _, err := e.Save(c.ctx); err != nil {
				t.Fatal(err)
			}
			if here := sender == own; here != c.here {
				t.Errorf("sent by the caller: %v", here)
			}
		})
	}
}

// What comes while a caller sends its own save is not left in the queue.
func TestOthersWhileSaveSendsItself(t *testing.T) {
	t.Parallel()
	arrived, through := make(chan struct{}), make(chan struct{})
	first := true
	_, editor := called(t, func() {
		if first {
			first = false
			arrived <- struct{}{}
			<-through
		}
	})
	own, other := openOf(t, editor, 1), openOf(t, editor, 2)
	ended := make(chan error)
	go func() {
		own.V.Name = "x"
		_, err := own.Save(context.Background())
		ended <- err
	}()
	<-arrived
	other.V.Name = "y"
	waiting := other.SaveAsync()
	through <- struct{}{}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	mustWait(t, waiting)
}

// A panic of a value's method while a caller sends its own save does not hold up
// the others, and the save has an outcome.
func TestPanicWhileSaveSendsItself(t *testing.T) {
	t.Parallel()
	first := true
	w, editor := called(t, func() {
		if first {
			first = false
			panic("in a method of a value")
		}
	})
	own, other := openOf(t, editor, 1), openOf(t, editor, 2)
	own.V.Name = "x"
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_, _ = own.Save(context.Background())
	}()
	other.V.Name = "y"
	mustWait(t, other.SaveAsync())
	if err := w.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if again := openOf(t, editor, 1); again.V.Name != "x" {
		t.Errorf("stored is %+v", again.V)
	}
	if got := w.Stats(); got.Unknown != 1 || got.Done != 2 {
		t.Errorf("counts are %+v", got)
	}
}
