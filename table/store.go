package table

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
)

// RowStore keeps the rows of live tables, so that the next run of the program,
// or another process, starts with them. See [StoreIn]. It is told bytes and
// needs to know nothing of them. Its methods may be called concurrently.
type RowStore interface {
	// Open returns what is kept under a name; nothing if there is none yet.
	Open(ctx context.Context, name string) (Shelf, error)
}

// Shelf is what a [RowStore] keeps of one set of rows. Its methods are called
// one after the other.
type Shelf interface {
	// Load yields the rows, in any order, and returns the mark that they were
	// written with, or one of an earlier write: then some of the rows may be
	// newer, or be missing because they were deleted since. A nil mark means
	// that nothing is kept, or that it is not whole. Key and row are valid until
	// yield returns.
	Load(ctx context.Context, yield func(key, row []byte) error) (mark []byte, err error)

	// Replace makes the rows what is kept, with a mark, and nothing else. Until
	// that is done, whether it fails, or the process or the machine dies, what
	// was kept before stays as it was. An error from rows ends it. The error is
	// ErrTaken while another process writes here.
	Replace(ctx context.Context, mark []byte, rows iter.Seq2[StoredRow, error]) error

	// Update writes rows, deletes those without bytes, and sets the mark, all
	// or nothing. The error is ErrTaken where nothing is kept, or where another
	// Shelf may have written since: then Replace comes next.
	Update(ctx context.Context, mark []byte, rows []StoredRow) error

	// Close ends it. What is kept stays.
	Close() error
}

// StoredRow is a row as a [RowStore] keeps it; Row is nil for one to delete.
type StoredRow struct{ Key, Row []byte }

// ErrTaken is found in the error of a [Shelf] that another process writes.
var ErrTaken = errors.New("table: another process writes to this row store")

// StoreIn makes the table keep its rows in a store, behind the program's back,
// and start with what is kept there: the change log tells which of the rows
// have changed since, and only these are read. Where the log does not go back
// that far, or anything else has changed, like the schema, all are read as
// without a store. Either way the rows are shown at once, when all are current.
//
// What is kept is not encrypted. Several processes can share a store that allows
// it; one of them writes. The arguments of Where must be numbers, texts or
// bools. Rows under row-level security are never kept.
func StoreIn(store RowStore) Option { return func(o *options) { o.store = store } }

// Resuming is a [Source] whose marks outlive the process.
type Resuming interface {
	// Keep returns the bytes of a mark of [News].
	Keep(mark any) ([]byte, error)
	// Resume returns the mark that was kept, if now, a mark of this process,
	// goes on from it: same database, same log, nothing changed that the log
	// does not tell.
	Resume(kept []byte, now any) (mark any, err error)
	// Name stands for the set of rows: who reads what from where, as far as it
	// is not the mark's. It is an error if they must not be kept.
	Name(ctx context.Context) (string, error)
}

// MemoryStore is a [RowStore] in memory, for tables that come and go in one
// process, and for tests.
type MemoryStore struct {
	// shelfMu guards everything below.
	shelfMu sync.Mutex
	shelves map[string]*memoryShelf
}

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore { return &MemoryStore{shelves: map[string]*memoryShelf{}} }

// Open returns what is kept under a name.
func (m *MemoryStore) Open(_ context.Context, name string) (Shelf, error) {
	m.shelfMu.Lock()
	defer m.shelfMu.Unlock()
	s := m.shelves[name]
	if s == nil {
		s = &memoryShelf{}
		m.shelves[name] = s
	}
	return &memoryHand{store: m, shelf: s}, nil
}

// memoryShelf is what is kept under one name, guarded by shelfMu.
type memoryShelf struct {
	rows   map[string][]byte
	mark   []byte
	writer *memoryHand
}

// memoryHand is one who uses a memoryShelf.
type memoryHand struct {
	store *MemoryStore
	shelf *memoryShelf
}

// Load yields the rows.
func (h *memoryHand) Load(_ context.Context, yield func(key, row []byte) error) ([]byte, error) {
	h.store.shelfMu.Lock()
	defer h.store.shelfMu.Unlock()
	for k, row := range h.shelf.rows {
		if err := yield([]byte(k), row); err != nil {
			return nil, err
		}
	}
	return slices.Clone(h.shelf.mark), nil
}

// Replace replaces the rows.
func (h *memoryHand) Replace(ctx context.Context, mark []byte, rows iter.Seq2[StoredRow, error]) error {
	next := map[string][]byte{}
	for r, err := range rows {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		next[string(r.Key)] = slices.Clone(r.Row)
	}
	h.store.shelfMu.Lock()
	defer h.store.shelfMu.Unlock()
	if h.shelf.writer != nil && h.shelf.writer != h {
		return ErrTaken
	}
	h.shelf.rows, h.shelf.mark, h.shelf.writer = next, slices.Clone(mark), h
	return nil
}

// Update writes rows.
func (h *memoryHand) Update(_ context.Context, mark []byte, rows []StoredRow) error {
	h.store.shelfMu.Lock()
	defer h.store.shelfMu.Unlock()
	if h.shelf.mark == nil || h.shelf.writer != nil && h.shelf.writer != h {
		return ErrTaken
	}
	h.shelf.writer = h
	for _, r := range rows {
		if r.Row == nil {
			delete(h.shelf.rows, string(r.Key))
			continue
		}
		h.shelf.rows[string(r.Key)] = slices.Clone(r.Row)
	}
	h.shelf.mark = slices.Clone(mark)
	return nil
}

// Close lets others write.
func (h *memoryHand) Close() error {
	h.store.shelfMu.Lock()
	defer h.store.shelfMu.Unlock()
	if h.shelf.writer == h {
		h.shelf.writer = nil
	}
	return nil
}
