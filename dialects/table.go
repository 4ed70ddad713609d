package dialects

import "slices"

// Table names one table of one database, as the dialect's catalogue spells it.
// Two spellings of one table in a statement are one Table after analysis.
type Table struct {
	Schema string
	Name   string
}

// String returns the table as people write it.
func (t Table) String() string {
	if t.Schema == "" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}

// Compare orders tables by schema and name.
func (t Table) Compare(u Table) int {
	switch {
	case t.Schema != u.Schema:
		if t.Schema < u.Schema {
			return -1
		}
		return 1
	case t.Name != u.Name:
		if t.Name < u.Name {
			return -1
		}
		return 1
	}
	return 0
}

// sortTables sorts tables and drops repetitions.
func sortTables(tables []Table) []Table {
	slices.SortFunc(tables, Table.Compare)
	return slices.Compact(tables)
}
