package table

import (
	"slices"
	"strings"
	"sync"

	"github.com/vantage-go/live/dialects"
)

// mesh is what a sieve knows of its queries: by which values of a row each can
// be found, and which rows are in its result. The work for a row goes with the
// queries that it concerns, not with all there are.
//
// A query runs beside the sieve, so that a row that is sifted meanwhile may be
// in its result as it was before. The keys of these rows are kept until the
// result is there; if it has one of them, the query is run once more.
type mesh struct {
	// meshMu guards everything below, and in all members what is said there.
	meshMu   sync.Mutex
	kinds    map[string]dialects.KeyKind // of the columns that can be compared
	key      []string                    // nil if rows cannot be told apart
	members  map[*member]struct{}
	shapes   map[string]*conditionShape
	wild     map[*member]struct{} // whom every change concerns
	holders  map[string][]*member // by the text of a key
	asking   map[*member]Position // that they wait for
	loading  map[*member]struct{}
	position Position // everything up to it is sifted
	failure  error
}

// conditionShape is that of queries with conditions on the same columns.
type conditionShape struct {
	columns []string
	members map[dialects.Key][]*member // by the values of the columns
}

func (m *mesh) init() {
	m.members, m.wild, m.loading, m.asking = map[*member]struct{}{}, map[*member]struct{}{}, map[*member]struct{}{}, map[*member]Position{}
	m.shapes, m.holders = map[string]*conditionShape{}, map[string][]*member{}
}

// redefine makes all queries be found by other columns. The catalogue has
// changed, so that their results are known under their keys when they have been
// run again.
func (m *mesh) redefine(kinds map[string]dialects.KeyKind, key []string) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	m.kinds, m.key = kinds, key
	for one := range m.members {
		m.release(one)
		m.takeBack(one)
		m.place(one)
	}
}

// columns returns those of the key, and those that queries can be found by.
func (m *mesh) columns() (key, others []string) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	for _, s := range m.shapes {
		for _, c := range s.columns {
			if !slices.Contains(m.key, c) && !slices.Contains(others, c) {
				others = append(others, c)
			}
		}
	}
	slices.Sort(others)
	return m.key, others
}

// perQuery is how many rows are worth to be read to save running one query.
const perQuery = 8

// tooMany reports whether running all queries is less work than to read so many
// rows.
func (m *mesh) tooMany(rows int) bool {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	return rows > perQuery*(len(m.members)-len(m.wild))
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
	if m.key == nil || one.stray {
		return
	}
	columns, keys := one.pick(m.kinds)
	if len(columns) == 0 {
		return
	}
	name := strings.Join(columns, "\x00")
	s := m.shapes[name]
	if s == nil {
		s = &conditionShape{columns, map[dialects.Key][]*member{}}
		m.shapes[name] = s
	}
	one.shape, one.values = s, keys
	for _, k := range keys {
		s.members[k] = append(s.members[k], one)
	}
}

// takeBack undoes place. It is called under meshMu.
func (m *mesh) takeBack(one *member) {
	s := one.shape
	if s == nil {
		return
	}
	for _, k := range one.values {
		if s.members[k] = without(s.members[k], one); len(s.members[k]) == 0 {
			delete(s.members, k)
		}
	}
	if len(s.members) == 0 {
		delete(m.shapes, strings.Join(s.columns, "\x00"))
	}
	one.shape, one.values = nil, nil
}

// release forgets the result of a query. It is called under meshMu.
func (m *mesh) release(one *member) {
	for _, k := range one.holds {
		if m.holders[k] = without(m.holders[k], one); len(m.holders[k]) == 0 {
			delete(m.holders, k)
		}
	}
	one.holds = nil
	m.wild[one] = struct{}{}
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

// begins is called before a query is run. It returns the columns of the key.
func (m *mesh) begins(one *member) (key []string) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	m.loading[one] = struct{}{}
	return m.key
}

// loaded is called when a query was run, with the keys of its result in the
// columns that begins has returned.
func (m *mesh) loaded(one *member, h *holds) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	if _, there := m.members[one]; !there {
		return
	}
	delete(m.loading, one)
	m.release(one)
	if h.known && one.shape != nil && slices.Equal(h.key, m.key) {
		delete(m.wild, one)
		one.holds = h.texts
		for _, k := range h.texts {
			m.holders[k] = append(m.holders[k], one)
			if _, sifted := one.meanwhile[k]; sifted {
				one.concerned = true
			}
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

// sift tells the queries that rows concern, which were read as they are now, nil
// where there is none; or all.
func (m *mesh) sift(rows map[told]*values, all bool, position Position) {
	m.meshMu.Lock()
	defer m.meshMu.Unlock()
	m.position = max(m.position, position)
	concerned := map[*member]struct{}{}
	concern := func(one *member) {
		one.concerned = true
		concerned[one] = struct{}{}
	}
	if all {
		for one := range m.members {
			concern(one)
		}
	} else if len(rows) > 0 {
		for one := range m.wild {
			concern(one)
		}
	}
	for k, row := range rows {
		text := k.text()
		for _, one := range m.holders[text] {
			concern(one)
		}
		for one := range m.loading {
			one.sees(text)
		}
		if row != nil {
			m.find(*row, concern)
		}
	}
	for one := range concerned {
		m.answer(one)
	}
	for one := range m.asking {
		m.answer(one)
	}
}

// find calls f for each query whose conditions a row may meet. It is called
// under meshMu.
func (m *mesh) find(row values, f func(*member)) {
	for _, s := range m.shapes {
		values, null, known := s.of(row, m.kinds)
		switch {
		case null: // equal to nothing
		case known:
			for _, one := range s.members[values] {
				f(one)
			}
		default:
			for _, some := range s.members {
				for _, one := range some {
					f(one)
				}
			}
		}
	}
}

// of returns the values of a row in the columns of the shape.
func (s *conditionShape) of(row values, kinds map[string]dialects.KeyKind) (values dialects.Key, null, known bool) {
	known = true
	for _, c := range s.columns {
		v, read := row[c]
		if read && v == nil {
			return "", true, false
		}
		key, ok := kinds[c].Stored(v)
		values += key
		known = known && read && ok
	}
	return values, false, known
}

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
