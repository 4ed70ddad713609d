package feed

import (
	"context"
	"slices"

	"github.com/vantage-go/live/dialects"
)

// meaning is what texts are analysed under. It never changes.
type meaning struct {
	catalog *dialects.Catalog
	schema  *schema
	// unproven says of a relation why writing to it may change more tables
	// than the catalogue tells.
	unproven map[dialects.Table]string
}

func (s *schema) meaning(version uint64) *meaning {
	m := &meaning{catalog: s.catalog(version), schema: s, unproven: make(map[dialects.Table]string)}
	for _, r := range s.relations {
		if _, why := s.fires(r); why != "" {
			m.unproven[r.table] = why
		}
	}
	return m
}

// Analyze tells what text means. The words decide, as in every dialect; what
// runs without being named makes the answer more cautious.
func (d *database) Analyze(_ context.Context, text string) (*dialects.Analysis, error) {
	return d.meaning.Load().analyze(text), nil
}

func (m *meaning) analyze(text string) *dialects.Analysis {
	a := dialects.Words(dialects.Postgres, m.catalog, text)
	if a.Scan.Kind == dialects.Unclear {
		return a
	}
	found := m.spoil(a, text)
	a.WritesAll = a.WritesAll || found.writes
	switch a.Scan.Kind {
	case dialects.Read:
		// What an argument says, the cache asks: see dialects.SaysNow.
		a.Clock = true
		if a.Uncacheable == "" {
			a.Uncacheable = found.why
		}
	case dialects.Write:
		if why := m.doubt(a.Scan.Names); why != "" {
			doubtful(a, why)
		}
	default: // neither kept nor closed over
	}
	return a
}

// doubtful notes that a write may change more than is known: the cache returns
// from it when the feed has told of everything. What runs there may change the
// session, too.
func doubtful(a *dialects.Analysis, why string) {
	a.Unproven, a.Scan.Settings = why, true
}

// spoil tells what comes of what a text does without naming it.
func (m *meaning) spoil(a *dialects.Analysis, text string) spoil {
	s := m.schema
	var all spoil
	for _, name := range a.Scan.Names {
		all.add(s.spoils(name))
	}
	if a.Scan.Kind == dialects.Read {
		for _, name := range a.Scan.Calls {
			if s.isRelation(name) && !s.code.builtins[name] && s.code.functions[name] == nil {
				all.add(spoil{why: "uses the name of table " + name + " like that of a function"})
			}
		}
	}
	all.add(s.hiddenIn(text, slices.ContainsFunc(s.relations, func(r *relation) bool {
		return r.ofDay && slices.Contains(a.Scan.Names, r.table.Name)
	})))
	return all
}

// doubt says why a write that has those names in it may change more tables than
// the catalogue tells, or returns nothing.
func (m *meaning) doubt(names []string) string {
	if slices.Contains(names, "truncate") && slices.Contains(names, "cascade") {
		return "truncates the tables that refer to it, too (CASCADE)"
	}
	seen := make(map[*dialects.Object]bool)
	for queue := slices.Clone(names); len(queue) > 0; queue = queue[1:] {
		for _, o := range m.catalog.Find(queue[0]) {
			if seen[o] {
				continue
			}
			seen[o] = true
			if why := m.unproven[o.Table]; why != "" {
				return why
			}
			queue = append(append(queue, o.Mentions...), o.Fires...)
		}
	}
	return ""
}
