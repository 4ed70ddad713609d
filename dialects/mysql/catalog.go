package mysql

import "github.com/vantage-go/live/dialects"

// catalog turns the schema into what the analysis of statements needs. What
// foreign keys change, stands with the parent; what other triggers than
// livesql's do is not known.
func (s *schema) catalog(version uint64) *dialects.Catalog {
	objects := make([]dialects.Object, 0, len(s.tables))
	for _, t := range s.tables {
		why := s.uncovered(t)
		objects = append(objects, dialects.Object{
			Table: s.tableNamed(t.name), Covered: why == "", Why: why,
			Fires: append(s.reach(t.name, true), s.reach(t.name, false)...),
		})
	}
	return dialects.NewCatalog(version, dialects.MySQL, objects)
}
