package table

import (
	"slices"
	"sync"

	"github.com/vantage-go/live/dialects"
)

// mesh is what a sieve knows of its queries: by which values of a row each can
// be found, and which rows are in its result. The work for a row goes with the
// queries that it concerns, not with all there are.
//
// A query runs beside the sieve, so that a row that is sifted meanwhile may be
// in its result as it was before. The keys of these rows are kept until the
// result is there; if it has one of them, the query is run once more. Of a
// reading that was opened before the result was there, nobody knows which of the
// two is older. Readings that are opened afterwards are newer, and follow one
// another without a gap: what they have read of the rows leads from the result
// to that of their moment, see [keeping].
type mesh struct {
	// meshMu guards everything below, and in all members what is said there.
	meshMu   sync.Mutex
	ground   *ground
	paths    paths
	opened   uint64 // readings so far
	members  map[*member]struct{}
	wild     map[*member]struct{} // whom every change concerns
	holders  map[string][]*member // by the text of a key
	asking   map[*member]Position // that they wait for
	loading  map[*member]struct{}
	looks    map[string]int // at columns: how many queries do
	position Position       // everything up to it is sifted
	failure  error
}

// ground is what is known of a table. It never changes; another catalogue has
// another ground.
type ground struct {
	kinds map[string]dialects.ColumnKind // of all columns
	alike map[string]bool                // of all columns, whether all statements read them alike
	key   []string                       // nil if rows cannot be told apart
}

// sifted is a row as it was read.
type sifted struct {
	values values
	made   map[projectionName]any // rows of queries
}

func (m *mesh) init() {
	m.members, m.wild, m.loading, m.asking = map[*member]struct{}{}, map[*member]struct{}{}, map[*member]struct{}{}, map[*member]Position{}
	m.paths.shapes, m.holders, m.looks = map[string]*shapeOfPaths{}, map[string][]*member{}, map[string]int{}
	m.ground = &ground{}
}

// redefine makes all queries be found by other columns. The catalogue has
// changed, so that their results are known under their keys when they have been
// run again.
func (m *mesh) redefine(g *ground) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	for one := range m.members {
		m.release(one)
		m.takeBack(one)
	}
	m.ground = g
	for one := range m.members {
		m.place(one)
	}
}

// opens is called before a reading is opened, and returns its number.
func (m *mesh) opens() uint64 {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	m.opened++
	return m.opened
}

// columns returns those of the key, and those that queries look at.
func (m *mesh) columns() (key, others []string) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	for c := range m.looks {
		if !slices.Contains(m.ground.key, c) {
			others = append(others, c)
		}
	}
	slices.Sort(others)
	return m.ground.key, others
}

// wanted returns the projections of the queries that keep a row of a reading,
// which has these values.
func (m *mesh) wanted(reading uint64, row values) (all []*projection) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	m.paths.find(row, m.ground.kinds, func(one *member) {
		if !m.keeps(one, reading) || one.test.Of(row) != dialects.Yes {
			return
		}
		wanted := one.keeping.projection
		if !slices.ContainsFunc(all, func(p *projection) bool { return p.name == wanted.name }) {
			all = append(all, wanted)
		}
	})
	return all
}

// perQuery is how many rows are worth to be read to save running one query.
const perQuery = 8

// worth is how many rows can be read before running all queries is less work.
func (m *mesh) worth() int {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	return perQuery * (len(m.members) - len(m.wild))
}

// fail notes why rows cannot be read, nil if they can.
func (m *mesh) fail(err error) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	m.failure = err
}

// why tells why rows cannot be read, if they cannot.
func (m *mesh) why() error {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	return m.failure
}

// join adds a query. It is run afterwards.
func (m *mesh) join(one *member) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	m.members[one] = struct{}{}
	m.place(one)
}

func (m *mesh) leave(one *member) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	delete(m.members, one)
	m.release(one)
	m.takeBack(one)
	delete(m.wild, one)
	delete(m.asking, one)
	delete(m.loading, one)
}

// strays is called when a query is found to list other rows than those of the
// table.
func (m *mesh) strays(one *member) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	if !one.stray {
		one.stray = true
		m.release(one)
		m.takeBack(one)
	}
}

// isWild reports whether every change concerns a query.
func (m *mesh) isWild(one *member) bool {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	_, wild := m.wild[one]
	return wild
}

// place finds out which values rows have that concern a query. It is called
// under meshMu.
func (m *mesh) place(one *member) {
	// Its result is known under no keys, or it has not been run: see loaded.
	m.wild[one] = struct{}{}
	if m.ground.key == nil || one.stray {
		return
	}
	one.test = one.listing.Test(m.ground.kinds, one.args)
	if !one.test.Excludes() && !one.test.Exact() {
		one.test = nil // it may be met by any row
		return
	}
	m.look(one.test.Columns, 1)
	m.paths.add(one)
}

// takeBack undoes place. It is called under meshMu.
func (m *mesh) takeBack(one *member) {
	if one.test == nil {
		return
	}
	m.paths.remove(one)
	m.look(one.test.Columns, -1)
	one.test = nil
}

// look counts who looks at columns. It is called under meshMu.
func (m *mesh) look(columns func(func(string)), n int) {
	columns(func(c string) {
		if m.looks[c] += n; m.looks[c] == 0 {
			delete(m.looks, c)
		}
	})
}

// release forgets the result of a query. It is called under meshMu.
func (m *mesh) release(one *member) {
	for _, k := range one.holds {
		if m.holders[k] = without(m.holders[k], one); len(m.holders[k]) == 0 {
			delete(m.holders, k)
		}
	}
	one.holds = nil
	m.unkeep(one)
	m.wild[one] = struct{}{}
}

// unkeep makes that a query is run when a change concerns it. It is called under
// meshMu.
func (m *mesh) unkeep(one *member) {
	if one.keeping != nil {
		m.look(one.keeping.looks, -1)
		one.keeping = nil
	}
}

// keeps reports whether a query can go on from its result with a reading. It is
// called under meshMu.
func (m *mesh) keeps(one *member, reading uint64) bool {
	return one.keeping != nil && reading >= one.from
}

// hold notes that a row is in a result. It is called under meshMu.
func (m *mesh) hold(one *member, text string) {
	if !slices.Contains(m.holders[text], one) {
		one.holds = append(one.holds, text)
		m.holders[text] = append(m.holders[text], one)
	}
}

func without(all []*member, one *member) []*member {
	i := slices.Index(all, one)
	if i < 0 {
		return all
	}
	all[i] = all[len(all)-1]
	all[len(all)-1] = nil
	return all[:len(all)-1]
}

// begins is called before a query is run. It returns what is known of the table,
// and the test for its rows.
func (m *mesh) begins(one *member) (*ground, *dialects.Test) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	m.loading[one] = struct{}{}
	m.unkeep(one)
	one.take() // the result will have it
	return m.ground, one.test
}

// loaded is called when a query was run, with the keys of its result.
func (m *mesh) loaded(one *member, h *holds) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	if _, there := m.members[one]; !there {
		return
	}
	delete(m.loading, one)
	m.release(one)
	if h.known && one.test != nil && h.ground == m.ground {
		if one.test.Excludes() || h.keeping != nil {
			delete(m.wild, one)
		}
		one.holds, one.loaded = h.texts, len(h.texts)
		for _, k := range h.texts {
			m.holders[k] = append(m.holders[k], one)
			if _, sifted := one.meanwhile[k]; sifted {
				one.concerned = true
			}
		}
		if h.keeping != nil {
			one.keeping, one.from = h.keeping, m.opened+1
			m.look(one.keeping.looks, 1)
		}
	} else if len(one.meanwhile) > 0 {
		one.concerned = true
	}
	one.meanwhile = nil
	m.answer(one)
}

// failed is called when running a query has failed. It will be run again.
func (m *mesh) failed(one *member) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	delete(m.loading, one)
	one.meanwhile = nil
	m.answer(one)
}

// sift tells the queries that rows of a reading concern, which were read as they
// are now, nil where there is none; or all.
func (m *mesh) sift(reading uint64, rows map[told]*sifted, all bool, position Position) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	m.position = max(m.position, position)
	s := sifting{mesh: m, reading: reading, concerned: map[*member]struct{}{}, changes: map[*member]map[string]fate{}}
	if all {
		for one := range m.members {
			s.concern(one)
		}
	} else if len(rows) > 0 {
		for one := range m.wild {
			s.concern(one)
		}
	}
	// A key that is told can look otherwise than the one that was read.
	found := make(map[string]bool, len(rows))
	for k, row := range rows {
		if row != nil {
			text := k.text()
			found[text] = true
			s.row(text, m.ground.certain(&k), row)
		}
	}
	for k, row := range rows {
		if text := k.text(); row == nil && !found[text] {
			s.row(text, m.ground.certain(&k), nil)
		}
	}
	for one, changes := range s.changes {
		if !one.concerned {
			one.note(changes, position)
		}
	}
	for one := range s.concerned {
		m.answer(one)
	}
	for one := range m.asking {
		m.answer(one)
	}
}

// certain reports whether no other key of the table has the same text.
func (g *ground) certain(k *told) bool {
	for i, c := range g.key {
		if kind := g.kinds[c]; kind.Kind != dialects.IntKey && kind.Kind != dialects.UUIDKey {
			return false
		} else if _, ok := kind.Stored(k[i]); !ok {
			return false
		}
	}
	return true
}

// sifting is what comes of some rows, under meshMu.
type sifting struct {
	*mesh
	reading   uint64
	concerned map[*member]struct{}        // who are to be run
	changes   map[*member]map[string]fate // of results
}

func (s *sifting) concern(one *member) {
	one.concerned = true
	s.concerned[one] = struct{}{}
}

// row finds out whom a row concerns, nil if there is none with the key any more.
func (s *sifting) row(text string, certain bool, row *sifted) {
	for one := range s.loading {
		one.sees(text)
	}
	for _, one := range slices.Clone(s.holders[text]) {
		s.judge(one, text, certain, true, row)
	}
	if row != nil {
		s.paths.find(row.values, s.ground.kinds, func(one *member) { s.judge(one, text, certain, false, row) })
	}
}

// judge finds out what a row is to a query, in whose result it may have been.
func (s *sifting) judge(one *member, text string, certain, held bool, row *sifted) {
	if one.concerned {
		s.concerned[one] = struct{}{}
		return
	}
	verdict := dialects.No
	if row != nil {
		verdict = dialects.Maybe
		if one.test != nil {
			verdict = one.test.Of(row.values)
		}
	}
	if verdict == dialects.No && !held {
		return
	}
	next, ok := fate{}, certain && s.keeps(one, s.reading)
	switch {
	case !ok:
	case verdict == dialects.Maybe:
		ok = false
	case verdict == dialects.Yes:
		if next.row, ok = row.made[one.keeping.projection.name]; ok {
			next.place, ok = one.keeping.sorting.Place(row.values)
		}
	}
	if _, runs := s.loading[one]; runs || !ok {
		s.concern(one)
		return
	}
	if s.changes[one] == nil {
		s.changes[one] = map[string]fate{}
	}
	s.changes[one][text] = next
	if verdict == dialects.Yes {
		s.hold(one, text)
		if len(one.holds) > 2*one.loaded+manyStale {
			s.concern(one) // most of what it holds may be gone
		}
	}
}

// manyStale is how many rows more than it has a result may be thought to hold.
const manyStale = 256

// answer tells a query that it is concerned, or that the position is reached for
// which it waits, unless it is being run: then it is told afterwards. It is called under meshMu.
func (m *mesh) answer(one *member) {
	asked, asks := m.asking[one]
	reached := asks && asked <= m.position
	if _, runs := m.loading[one]; runs || !one.concerned && !reached {
		return
	}
	if reached {
		delete(m.asking, one)
	}
	if one.concerned {
		m.unkeep(one) // until it was run
	}
	one.tell(News[string]{Position: m.position, Whole: one.concerned})
	one.concerned = false
}

// ask makes a query be told a position when everything up to it is sifted.
func (m *mesh) ask(one *member, p Position) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	if _, there := m.members[one]; !there {
		return
	}
	m.asking[one] = max(m.asking[one], p)
	m.answer(one)
}
