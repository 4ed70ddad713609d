package mysql

import "github.com/vantage-go/live/dialects"

// catalog turns the schema into what the analysis of statements needs. What
// foreign keys change, stands with the parent.
func (s *schema) catalog(version uint64) *dialects.Catalog {
	objects := make([]dialects.Object, 0, len(s.tables)+len(s.views))
	for _, t := range s.tables {
		o := dialects.Object{
			Table: s.tableNamed(t.name), Why: s.uncovered(t),
			Fires: append(s.reach(t.name, true), s.reach(t.name, false)...),
		}
		for _, d := range t.does {
			o.Fires = append(o.Fires, d.names...)
		}
		if o.Why == "" && t.computed != nil && t.computed.why != "" {
			o.Why = "it has a computed column: " + t.computed.why
		}
		o.Covered = o.Why == ""
		if whyWhole(t.key) == "" {
			o.Key = keyColumns(t.key)
		}
		objects = append(objects, o)
	}
	for _, v := range s.views {
		objects = append(objects, dialects.Object{Table: s.tableNamed(v.name), View: true, Mentions: v.names})
	}
	return dialects.NewCatalog(version, dialects.MySQL, objects).Trusting(s.trust)
}

// keyColumns tells how the log tells the values of a primary key. Texts and
// bytes do not count: a statement's have the character set of its session, and
// the log's have not.
func keyColumns(key []column) []dialects.KeyColumn {
	columns := make([]dialects.KeyColumn, len(key))
	for i, c := range key {
		columns[i].Name = c.name
		switch k, _ := c.kind(); k {
		case kindInt, kindUint:
			columns[i].Kind = dialects.IntKey
		case kindUUID:
			columns[i].Kind = dialects.UUIDKey
		case kindText, kindBytes, kindDate:
			columns[i].Kind = dialects.NoKey
		}
	}
	return columns
}
