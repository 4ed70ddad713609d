package table

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vantage-go/live/dialects"
)

// A sieve keeps queries that list rows of one table ([dialects.Listing]) from
// being run again for changes that do not concern them. It reads the rows that
// have changed, once for all queries, and finds out by their values whose they
// are.
//
// Let a query show the table's moment Q, and the sieve have read the rows that
// were changed up to a moment R, each as it is then. A row that differs between
// Q and R was told to the sieve by R, see round.go. If it was in the result, the
// result has its key. If it is to be there, it meets the conditions at R. If
// neither is so of any row, the result is the same at R.
//
// Which keys the result has is not known while the query runs. What is read
// meanwhile is looked at again when it has run, see [mesh].
//
// What cannot be told counts as concerning the query.
type sieve struct {
	reader[told, sifted]
	db    *Database
	table dialects.Table
	on    *dependence
	users int           // under the sievesMu of the database
	ended chan struct{} // closed when nothing is told any more

	mesh mesh

	// What follows belongs to the goroutine that reads.
	refusals int    // readings in a row that have failed
	number   uint64 // of the reading

	seat    atomic.Pointer[seat] // nil for one that reads for itself
	lasting atomic.Bool          // readings may stay open

	// lookMu guards everything below. It is held while the database is asked.
	lookMu  sync.Mutex
	looked  bool
	version uint64    // of the catalogue, when it was last looked at
	blind   time.Time // until then, nothing is read
}

// told is a key as the change log tells it: its columns, and nil behind them.
type told [4]any

// values are those of a row by column.
type values map[string]any

// tell makes a key of what the change log tells.
func tell(key any) (t told, err error) {
	columns, composite := key.([]any)
	if !composite {
		columns = []any{key}
	}
	if len(columns) > len(t) {
		return t, fmt.Errorf("table: a key of %d columns", len(columns))
	}
	for i, c := range columns {
		_, bytes := c.([]byte)
		if _, ok := columnText(reflect.ValueOf(c)); !ok || bytes {
			return t, errors.New("table: a key that cannot be found in results")
		}
		t[i] = c
	}
	return t, nil
}

// columns returns the columns of a key.
func (t *told) columns() []any {
	n := len(t)
	for n > 0 && t[n-1] == nil {
		n--
	}
	return t[:n]
}

// text returns the key as results have it.
func (t *told) text() string {
	columns := t.columns()
	parts := make([]reflect.Value, len(columns))
	for i, c := range columns {
		parts[i] = reflect.ValueOf(c)
	}
	text, _ := keyText(parts...)
	return text
}

// sieveOf returns the sieve of the table that a query lists, and what gives it
// back; nil if the query is none that a sieve knows anything about.
func (d *Database) sieveOf(ctx context.Context, q Query, reads map[dialects.Table]bool, log *slog.Logger) (*sieve, *dialects.Listing, func(), error) {
	none := func() {}
	if !d.asks() || len(reads) != 1 {
		return nil, nil, none, nil
	}
	listing, ok := dialects.ListingOf(d.Flavor, q.Text)
	if !ok {
		return nil, nil, none, nil
	}
	for t := range reads {
		if listing.Name != dialects.Fold(d.Flavor, t.Name) || listing.Schema != "" && listing.Schema != dialects.Fold(d.Flavor, t.Schema) {
			return nil, nil, none, nil // a view
		}
		s := d.useSieve(t, log)
		if err := s.look(ctx); err != nil {
			return nil, nil, none, errors.Join(err, d.dropSieve(s))
		}
		return s, listing, func() { _ = d.dropSieve(s) }, nil
	}
	return nil, nil, none, nil
}

// useSieve returns the sieve of a table, which has one user more.
func (d *Database) useSieve(t dialects.Table, log *slog.Logger) *sieve {
	d.sievesMu.Lock()
	defer d.sievesMu.Unlock()
	s := d.sieves[t]
	if s == nil {
		s = &sieve{db: d, table: t, on: &dependence{db: d}, ended: make(chan struct{})}
		s.on.tables.Store(&dependsOn{own: t})
		s.mesh.init()
		s.open, s.together, s.tooMany = s.reading, s.readTogether, s.beyond
		s.begin(followFeed(d.Feed, s.on, tell), t.String(), log)
		s.running.Go(s.listen)
		s.running.Go(func() {
			defer close(s.ended)
			s.run(s.work, s.mesh.fail)
		})
		if d.sieves == nil {
			d.sieves = make(map[dialects.Table]*sieve)
		}
		d.sieves[t] = s
	}
	s.users++
	return s
}

// dropSieve gives a sieve back. The last user ends it.
func (d *Database) dropSieve(s *sieve) error {
	d.sievesMu.Lock()
	s.users--
	last := s.users == 0
	if last {
		delete(d.sieves, s.table)
	}
	d.sievesMu.Unlock()
	if !last {
		return nil
	}
	s.cancel()
	err := s.changes.Close()
	s.running.Wait()
	s.seat.Load().leave()
	return err
}

// look finds out which columns values can be told apart in, and what the key is,
// if the catalogue has changed since it last did.
func (s *sieve) look(ctx context.Context) error {
	s.lookMu.Lock()
	defer s.lookMu.Unlock()
	version := s.db.Analyzer.Version()
	if s.looked && s.version == version {
		if s.blind.IsZero() || time.Now().Before(s.blind) {
			return nil
		}
	}
	ground, err := s.db.sifts(ctx, s.table)
	if err != nil {
		return err
	}
	lasting, err := s.db.lasting(ctx)
	if err != nil {
		return err
	}
	s.lasting.Store(lasting)
	s.define(ground)
	s.looked, s.version, s.blind = true, version, time.Time{}
	return nil
}

// define makes queries be found by other columns, and rows be read by another key.
func (s *sieve) define(g *ground) {
	s.mesh.redefine(g)
	old := s.seat.Load()
	if old != nil && slices.Equal(old.rereads.key, g.key) {
		return
	}
	old.leave()
	s.seat.Store(s.db.joinRereads(s.table, g.key, s))
}

// sifts returns what a sieve needs to know of a table; nothing if its name alone
// may be that of another one.
func (d *Database) sifts(ctx context.Context, t dialects.Table) (*ground, error) {
	found, view, err := d.lookUp(ctx, t.Name)
	var gone noTableError
	switch {
	case errors.As(err, &gone) || err == nil && (view || found != t):
		return &ground{}, nil
	case err != nil:
		return nil, err
	}
	if d.Flavor == dialects.MySQL {
		// Where names differ by case, a listing of the one is like one of the other.
		var names int
		err := d.DB.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND LOWER(TABLE_NAME) = LOWER(?)",
			t.Schema, t.Name).Scan(&names)
		if err != nil || names != 1 {
			return &ground{}, d.unreached(err)
		}
	}
	keys, err := d.uniqueKeys(ctx, t)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 || !keys[0].primary || len(keys[0].columns) > len(told{}) {
		return &ground{}, nil
	}
	// Fields for texts would hold a time in another spelling than the change log.
	if timed, err := d.timed(ctx, t, keys[0].columns); timed || err != nil {
		return &ground{}, err
	}
	g := &ground{key: keys[0].columns}
	g.kinds, g.alike, err = d.columnsOf(ctx, t)
	return g, err
}

// follows makes the sieve follow what else a query reads since the catalogue has
// changed: a change there may concern all.
func (s *sieve) follows(reads map[dialects.Table]bool) {
	for {
		now := s.on.tables.Load()
		next := &dependsOn{own: s.table, others: map[dialects.Table]bool{}}
		for t := range now.others {
			next.others[t] = true
		}
		for t := range reads {
			if t != s.table {
				next.others[t] = true
			}
		}
		if s.on.tables.CompareAndSwap(now, next) {
			return
		}
	}
}

// work does one round.
func (s *sieve) work(r round[told]) error {
	if err := s.look(s.ctx); err != nil {
		return err
	}
	s.mesh.fail(nil)
	switch {
	case r.whole || s.tooMany(len(r.keys)):
		s.mesh.sift(0, nil, true, r.position)
		return nil
	case r.empty():
		s.mesh.sift(0, nil, false, r.position)
		return nil
	}
	for range 3 {
		rows, err := s.readSome(r)
		switch {
		case err == nil:
			s.refusals = 0
			s.mesh.sift(s.number, rows, false, r.position)
			return nil
		case errors.Is(err, errBrief): // once more
		case errors.Is(err, errAny):
			s.mesh.sift(0, nil, true, r.position)
			return nil
		default:
			return s.refused(r, err)
		}
	}
	s.mesh.sift(0, nil, true, r.position) // writers are faster
	return nil
}

// How often a reading may fail that the database refuses, and for how long none is
// tried then.
const (
	manyRefusals = 2
	blindFor     = time.Minute
)

// refused is called when a reading has failed. If the database answers as such,
// it is this reading that fails: the account may not read a column that some query
// looks at. Then all queries are run for every change: each finds out for itself.
func (s *sieve) refused(r round[told], err error) error {
	if s.refusals++; s.refusals < manyRefusals || s.db.reach(s.ctx) != nil {
		return err
	}
	s.refusals = 0
	s.log.Warn("livesql: changed rows cannot be read; queries are run for every change", "table", s.name, "error", err, "retry", blindFor)
	s.lookMu.Lock()
	s.blind = time.Now().Add(blindFor)
	s.define(&ground{})
	s.lookMu.Unlock()
	s.mesh.sift(0, nil, true, r.position)
	return nil
}
