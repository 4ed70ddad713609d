package table

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"

	"github.com/vantage-go/live/dialects"
)

// member is a query on a sieve, which tells it of changes that concern it.
type member struct {
	sieve   *sieve
	listing *dialects.Listing
	args    []driver.NamedValue

	// Under the meshMu of the sieve's mesh.
	test      *dialects.Test // nil if any row may concern it
	paths     []placed       // by which it is found
	holds     []string       // the keys of its result, and some that were in it
	loaded    int            // how many it had when it was run
	meanwhile map[string]struct{}
	concerned bool
	stray     bool     // it is no listing of the table any more
	keeping   *keeping // nil if it is to be run when a change concerns it
	from      uint64   // the first reading that is newer than its result

	once  sync.Once
	ready chan struct{} // capacity 1

	// newsMu guards everything below.
	newsMu  sync.Mutex
	news    News[string]
	changes map[string]fate // of its result
	waiting bool
	closed  bool
}

var _ Changes[string] = (*member)(nil)

// newMember adds a query to a sieve, which has one user more.
func newMember(s *sieve, listing *dialects.Listing, args []any) *member {
	m := &member{sieve: s.db.useSieve(s.table, s.log), listing: listing, args: named(args), ready: make(chan struct{}, 1)}
	m.sieve.mesh.join(m)
	return m
}

// manyMeanwhile is how many rows may be sifted while a query is run before it is
// run once more, whatever they are.
const manyMeanwhile = 1024

// sees notes that a row was sifted while the query was run.
func (m *member) sees(key string) {
	switch {
	case len(m.meanwhile) >= manyMeanwhile:
		m.concerned = true
		return
	case m.meanwhile == nil:
		m.meanwhile = map[string]struct{}{}
	}
	m.meanwhile[key] = struct{}{}
}

// manyChanges is how many rows of a result may wait to be changed before it is
// run again.
const manyChanges = 4096

// note adds changes of the result, which lead to what it is at that position.
func (m *member) note(changes map[string]fate, p Position) {
	m.newsMu.Lock()
	defer m.newsMu.Unlock()
	if m.changes == nil {
		m.changes = make(map[string]fate, len(changes))
	}
	for text, c := range changes {
		m.changes[text] = c
		m.news.Keys = append(m.news.Keys, text)
	}
	m.news.Position = max(m.news.Position, p)
	m.news.Whole = m.news.Whole || len(m.news.Keys) > manyChanges
	m.waiting = true
	m.signal()
}

// take takes the changes of the result.
func (m *member) take() map[string]fate {
	m.newsMu.Lock()
	defer m.newsMu.Unlock()
	changes := m.changes
	m.changes = nil
	return changes
}

// tell adds news.
func (m *member) tell(n News[string]) {
	m.newsMu.Lock()
	defer m.newsMu.Unlock()
	m.news.Position = max(m.news.Position, n.Position)
	m.news.Whole = m.news.Whole || n.Whole
	m.waiting = true
	m.signal()
}

func (m *member) signal() {
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

// Next waits for news.
func (m *member) Next(ctx context.Context) (News[string], error) {
	for {
		m.newsMu.Lock()
		news, waiting, closed := m.news, m.waiting, m.closed
		m.news.Whole, m.news.Keys, m.waiting = false, nil, false
		m.newsMu.Unlock()
		switch {
		case closed:
			return News[string]{}, ErrClosed
		case waiting:
			return news, nil
		}
		select {
		case <-m.ready:
		case <-m.sieve.ended:
			return News[string]{}, errors.Join(ErrClosed, m.sieve.mesh.why())
		case <-ctx.Done():
			return News[string]{}, ctx.Err()
		}
	}
}

// Ask asks the feed for a poll.
func (m *member) Ask() Position {
	p := m.sieve.changes.Ask()
	m.sieve.mesh.ask(m, p)
	return p
}

// Sync waits for a poll. What it has told is sifted afterwards.
func (m *member) Sync(ctx context.Context) (Position, error) {
	p, err := m.sieve.changes.Sync(ctx)
	if err == nil {
		m.sieve.mesh.ask(m, p)
	}
	return p, err
}

// State is that of the feed, unless the sieve cannot read.
func (m *member) State() (State, error) {
	if failure := m.sieve.mesh.why(); failure != nil {
		return Lost, failure
	}
	return m.sieve.changes.State()
}

// Close ends it.
func (m *member) Close() (err error) {
	m.once.Do(func() {
		m.sieve.mesh.leave(m)
		err = m.sieve.db.dropSieve(m.sieve)
		m.newsMu.Lock()
		m.closed = true
		m.newsMu.Unlock()
		m.signal()
	})
	return err
}

// reads tells what the query reads under the present catalogue. Called before
// it is run, it makes what else it reads be followed from then on.
func (m *member) reads(tables map[dialects.Table]bool) {
	if len(tables) == 1 && tables[m.sieve.table] {
		return
	}
	m.sieve.follows(tables)
	m.sieve.mesh.strays(m)
}
