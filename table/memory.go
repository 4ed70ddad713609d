package table

import (
	"context"
	"fmt"
	"sync"

	"github.com/vantage-go/live/table/internal/rows"
)

// Memory is a source that keeps its rows in memory, for tests: what goes wrong
// with a database can be scripted. Its methods may be called concurrently.
type Memory[K comparable, T any] struct {
	*memoryStore[K, T]
	schema *Schema[K, T]
	config MemoryConfig[T]
}

// memoryStore is what sources of the same rows share.
type memoryStore[K comparable, T any] struct {
	// dataMu guards everything below.
	dataMu  sync.Mutex
	rows    rows.Map[K, T]
	commits []commit[K]
	keys    int64
	log     int   // numbers what Forget has begun
	held    bool  // commits are told when somebody asks
	lost    error // nothing is told
	script  map[Point][]func() error
	readers map[*memoryChanges[K, T]]struct{}
}

// MemoryConfig says what a [Memory] is like.
type MemoryConfig[T any] struct {
	// Within, if not nil, is the condition of the set: other rows are stored,
	// and not in it.
	Within func(*T) bool
	// Number, if not nil, makes the key of a row of the number that a database
	// would count up.
	Number func(row *T, n int64)
	// Brief makes readings stand in the way of writers; see [Reading].
	Brief bool
	// Tells makes readings tell what has changed; see [Telling].
	Tells bool
}

// Point is a place at which a script can step in.
type Point string

// The points.
const (
	BeforeOpen  Point = "open"    // before a reading is opened
	BeforeTell  Point = "tell"    // before a reading tells what has changed
	BeforeLoad  Point = "load"    // after it was opened, before all rows are read
	BeforeRead  Point = "read"    // after its moment was chosen, before rows are read
	BeforeApply Point = "apply"   // before changes are made
	AfterApply  Point = "applied" // after they were made, before the program knows
)

// commit is what one transaction has changed.
type commit[K comparable] struct {
	keys  []K
	whole bool
}

// NewMemory returns an empty source.
func NewMemory[K comparable, T any](schema *Schema[K, T], config MemoryConfig[T]) *Memory[K, T] {
	store := &memoryStore[K, T]{
		rows: rows.New[K, T](), script: map[Point][]func() error{}, readers: map[*memoryChanges[K, T]]struct{}{},
	}
	return &Memory[K, T]{memoryStore: store, schema: schema, config: config}
}

// Schema tells how rows are looked at.
func (m *Memory[K, T]) Schema() *Schema[K, T] { return m.schema }

// MemoryTx is a transaction of a [Memory].
type MemoryTx[K comparable, T any] struct {
	m    *Memory[K, T]
	edit *rows.Edit[K, T]
	keys []K
}

// Set stores a row.
func (tx *MemoryTx[K, T]) Set(row T) {
	key, err := tx.m.schema.Key(&row)
	if err != nil {
		return // a row without a key: there is no such thing in a table
	}
	tx.edit.Set(key, &row)
	tx.keys = append(tx.keys, key)
}

// Delete removes a row.
func (tx *MemoryTx[K, T]) Delete(key K) {
	tx.edit.Delete(key)
	tx.keys = append(tx.keys, key)
}

// Commit makes a transaction of somebody else.
func (m *Memory[K, T]) Commit(f func(tx *MemoryTx[K, T])) {
	m.dataMu.Lock()
	defer m.dataMu.Unlock()
	tx := &MemoryTx[K, T]{m: m, edit: m.rows.Edit()}
	f(tx)
	m.commit(tx, false)
}

// commit is called under dataMu.
func (m *Memory[K, T]) commit(tx *MemoryTx[K, T], whole bool) {
	m.rows = tx.edit.Map()
	m.commits = append(m.commits, commit[K]{tx.keys, whole})
	if !m.held {
		m.poll()
	}
}

// Truncate removes all rows, and tells no keys.
func (m *Memory[K, T]) Truncate() {
	m.dataMu.Lock()
	defer m.dataMu.Unlock()
	none := m.rows.Like(0)
	m.commit(&MemoryTx[K, T]{m: m, edit: none.Edit()}, true)
}

// Forget makes that nobody can go on from an earlier mark, as when a database is
// restored.
func (m *Memory[K, T]) Forget() {
	m.dataMu.Lock()
	defer m.dataMu.Unlock()
	m.log++
}

// Keep returns the bytes of a mark.
func (m *Memory[K, T]) Keep(mark any) ([]byte, error) {
	seen, ok := mark.(int)
	if !ok || !m.config.Tells {
		return nil, ErrNotTold
	}
	m.dataMu.Lock()
	defer m.dataMu.Unlock()
	return fmt.Appendf(nil, "%d %d", m.log, seen), nil
}

// Resume makes a mark of them.
func (m *Memory[K, T]) Resume(kept []byte, _ any) (mark any, err error) {
	m.dataMu.Lock()
	defer m.dataMu.Unlock()
	var log, seen int
	if _, err := fmt.Sscanf(string(kept), "%d %d", &log, &seen); err != nil {
		return nil, fmt.Errorf("table: a mark that was kept: %w", err)
	}
	if log != m.log || seen > len(m.commits) {
		return nil, fmt.Errorf("%w: it was forgotten", ErrNotTold)
	}
	return seen, nil
}

// Name is always the same: rows of a memory are in stores of their own.
func (m *Memory[K, T]) Name(context.Context) (string, error) { return "memory", nil }

// Rows returns the rows that are in the set.
func (m *Memory[K, T]) Rows() map[K]T {
	m.dataMu.Lock()
	defer m.dataMu.Unlock()
	all := make(map[K]T)
	for k, row := range m.rows.All() {
		if m.within(row) {
			all[k] = *row
		}
	}
	return all
}

// Whole returns a source of the same rows that has no condition.
func (m *Memory[K, T]) Whole() *Memory[K, T] {
	whole := *m
	whole.config.Within = nil
	return &whole
}

func (m *Memory[K, T]) within(row *T) bool { return m.config.Within == nil || m.config.Within(row) }

// Hold makes commits known only when somebody asks, or by Poll.
func (m *Memory[K, T]) Hold() {
	m.dataMu.Lock()
	defer m.dataMu.Unlock()
	m.held = true
}

// Poll tells what was committed.
func (m *Memory[K, T]) Poll() {
	m.dataMu.Lock()
	defer m.dataMu.Unlock()
	m.poll()
}

// Lose makes the source tell nothing until Heal.
func (m *Memory[K, T]) Lose(err error) {
	m.dataMu.Lock()
	defer m.dataMu.Unlock()
	m.lost = err
}

// Heal ends what Lose began, and tells what was committed meanwhile.
func (m *Memory[K, T]) Heal() {
	m.dataMu.Lock()
	defer m.dataMu.Unlock()
	m.lost = nil
	m.poll()
}

// Reset makes the source tell that any row may have changed.
func (m *Memory[K, T]) Reset() {
	m.dataMu.Lock()
	defer m.dataMu.Unlock()
	m.commits = append(m.commits, commit[K]{whole: true})
	m.poll()
}

// At makes f run once when the source next comes to a point; several run one
// after the other, each at another time. An error fails what was going on. F
// may call the source.
func (m *Memory[K, T]) At(p Point, f func() error) {
	m.dataMu.Lock()
	defer m.dataMu.Unlock()
	m.script[p] = append(m.script[p], f)
}

// pass runs what the script has for a point.
func (m *Memory[K, T]) pass(p Point) error {
	m.dataMu.Lock()
	todo := m.script[p]
	if len(todo) == 0 {
		m.dataMu.Unlock()
		return nil
	}
	m.script[p] = todo[1:]
	m.dataMu.Unlock()
	return todo[0]()
}

// poll is called under dataMu.
func (m *Memory[K, T]) poll() {
	if m.lost != nil {
		return
	}
	for r := range m.readers {
		r.tell()
	}
}

// Follow begins to follow the changes.
func (m *Memory[K, T]) Follow(context.Context) (Changes[K], error) {
	m.dataMu.Lock()
	defer m.dataMu.Unlock()
	c := &memoryChanges[K, T]{m: m, seen: len(m.commits), ready: make(chan struct{}, 1)}
	m.readers[c] = struct{}{}
	return c, nil
}

// memoryChanges is one who follows a [Memory].
type memoryChanges[K comparable, T any] struct {
	m     *Memory[K, T]
	ready chan struct{} // capacity 1

	// The rest is guarded by m.dataMu.
	seen     int // commits
	position Position
	news     News[K]
	waiting  bool // news were not taken
	closed   bool
}

// tell is called under dataMu.
func (c *memoryChanges[K, T]) tell() {
	for _, commit := range c.m.commits[c.seen:] {
		c.news.Keys = append(c.news.Keys, commit.keys...)
		c.news.Whole = c.news.Whole || commit.whole
	}
	c.seen = len(c.m.commits)
	c.position++
	c.news.Position, c.news.Mark = c.position, c.seen
	c.waiting = true
	c.signal()
}

func (c *memoryChanges[K, T]) signal() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// Next waits for what is told.
func (c *memoryChanges[K, T]) Next(ctx context.Context) (News[K], error) {
	for {
		c.m.dataMu.Lock()
		news, waiting, closed := c.news, c.waiting, c.closed
		if waiting {
			c.news, c.waiting = News[K]{}, false
		}
		c.m.dataMu.Unlock()
		switch {
		case closed:
			return News[K]{}, ErrClosed
		case waiting:
			return news, nil
		}
		select {
		case <-c.ready:
		case <-ctx.Done():
			return News[K]{}, ctx.Err()
		}
	}
}

// Ask tells what was committed, unless the source is lost.
func (c *memoryChanges[K, T]) Ask() Position {
	c.m.dataMu.Lock()
	defer c.m.dataMu.Unlock()
	next := c.position + 1
	if c.m.lost == nil {
		c.tell()
	}
	return next
}

// Sync is Ask.
func (c *memoryChanges[K, T]) Sync(context.Context) (Position, error) { return c.Ask(), nil }

// State tells whether the source is lost.
func (c *memoryChanges[K, T]) State() (State, error) {
	c.m.dataMu.Lock()
	defer c.m.dataMu.Unlock()
	if c.m.lost != nil {
		return Lost, c.m.lost
	}
	return Live, nil
}

// Close ends it.
func (c *memoryChanges[K, T]) Close() error {
	c.m.dataMu.Lock()
	defer c.m.dataMu.Unlock()
	delete(c.m.readers, c)
	c.closed = true
	c.signal()
	return nil
}

// memoryReading is a reading of a [Memory].
type memoryReading[K comparable, T any] struct {
	m    *Memory[K, T]
	rows *rows.Map[K, T] // once something was read
	seen int             // commits that are in rows
}

// Open opens a reading.
func (m *Memory[K, T]) Open(context.Context) (Reading[K, T], error) {
	if err := m.pass(BeforeOpen); err != nil {
		return nil, fmt.Errorf("opening: %w", err)
	}
	return &memoryReading[K, T]{m: m}, nil
}

func (r *memoryReading[K, T]) moment() rows.Map[K, T] {
	if r.rows == nil {
		r.m.dataMu.Lock()
		defer r.m.dataMu.Unlock()
		r.rows, r.seen = &[]rows.Map[K, T]{r.m.rows}[0], len(r.m.commits)
	}
	return *r.rows
}

// Since tells what the commits have changed, if the configuration says so.
func (r *memoryReading[K, T]) Since(_ context.Context, mark any) (news News[K], err error) {
	seen, ok := mark.(int)
	if !r.m.config.Tells || !ok {
		return news, ErrNotTold
	}
	if err := r.m.pass(BeforeTell); err != nil {
		return news, err
	}
	r.moment()
	r.m.dataMu.Lock()
	defer r.m.dataMu.Unlock()
	for i := seen; i < r.seen; i++ {
		c := &r.m.commits[i]
		news.Keys = append(news.Keys, c.keys...)
		news.Whole = news.Whole || c.whole
	}
	return news, nil
}

// Load yields all rows.
func (r *memoryReading[K, T]) Load(_ context.Context, yield func(K, *T) error) error {
	now := r.moment()
	if err := r.m.pass(BeforeLoad); err != nil {
		return err
	}
	for k, row := range now.All() {
		if !r.m.within(row) {
			continue
		}
		if err := yield(k, row); err != nil {
			return err
		}
	}
	return nil
}

// Read yields rows.
func (r *memoryReading[K, T]) Read(_ context.Context, keys []K, yield func(K, *T) error) error {
	now := r.moment()
	if err := r.m.pass(BeforeRead); err != nil {
		return err
	}
	for _, k := range keys {
		if row := now.Get(k); row != nil && r.m.within(row) {
			if err := yield(k, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// Lasting is as the configuration says.
func (r *memoryReading[K, T]) Lasting() bool { return !r.m.config.Brief }

// Close ends it.
func (r *memoryReading[K, T]) Close() error { return nil }
