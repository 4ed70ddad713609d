package table

import (
	"strings"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/table/internal/intervals"
)

// paths find queries by the values of a row: see [dialects.Path]. They are
// guarded as the mesh is that has them.
type paths struct {
	shapes map[string]*shapeOfPaths // by its name
}

// shapeOfPaths is that of paths on the same columns.
type shapeOfPaths struct {
	columns []string // that have one of some values
	ranged  string   // the column that lies in a range, if there is one
	ends    map[dialects.Key]*pathEnds
}

// pathEnds are where paths with the same values lead to.
type pathEnds struct {
	all    []*member
	ranges intervals.Set[*member]
}

// placed is a path of a query.
type placed struct {
	shape    string
	key      dialects.Key
	from, to string // of the range
}

// add adds the paths of a query. Where there are none, it is found by any row.
func (p *paths) add(one *member) {
	all, ok := one.test.Paths()
	if !ok {
		all = []dialects.Path{{Keys: []dialects.Key{""}}}
	}
	for i := range all {
		path := &all[i]
		name := strings.Join(path.Columns, "\x00") + "\x01" + path.Range
		s := p.shapes[name]
		if s == nil {
			s = &shapeOfPaths{path.Columns, path.Range, map[dialects.Key]*pathEnds{}}
			p.shapes[name] = s
		}
		for _, k := range path.Keys {
			ends := s.ends[k]
			if ends == nil {
				ends = &pathEnds{}
				s.ends[k] = ends
			}
			if path.Range == "" {
				ends.all = append(ends.all, one)
			} else {
				ends.ranges.Add(string(path.From), string(path.To), one)
			}
			one.paths = append(one.paths, placed{name, k, string(path.From), string(path.To)})
		}
	}
}

// remove takes a query from its paths.
func (p *paths) remove(one *member) {
	for _, at := range one.paths {
		s := p.shapes[at.shape]
		ends := s.ends[at.key]
		if s.ranged == "" {
			ends.all = without(ends.all, one)
		} else {
			ends.ranges.Remove(at.from, at.to, one)
		}
		if len(ends.all) == 0 && ends.ranges.Empty() {
			delete(s.ends, at.key)
		}
		if len(s.ends) == 0 {
			delete(p.shapes, at.shape)
		}
	}
	one.paths = nil
}

// find calls f for each query whose condition a row may meet, and for others.
func (p *paths) find(row values, kinds map[string]dialects.ColumnKind, f func(*member)) {
	for _, s := range p.shapes {
		key, known := dialects.PathKey(s.columns, kinds, row)
		if known {
			if ends := s.ends[key]; ends != nil {
				s.at(ends, row, kinds, f)
			}
			continue
		}
		for _, ends := range s.ends {
			s.at(ends, row, kinds, f)
		}
	}
}

func (s *shapeOfPaths) at(ends *pathEnds, row values, kinds map[string]dialects.ColumnKind, f func(*member)) {
	if s.ranged == "" {
		for _, one := range ends.all {
			f(one)
		}
		return
	}
	v, read := row[s.ranged]
	if read && v == nil {
		return // in no range
	}
	if at, ok := kinds[s.ranged].Order(v); read && ok {
		ends.ranges.At(string(at), f)
		return
	}
	ends.ranges.All(f)
}
