package dialects

import "slices"

// Path is a way to find a test by a row that may meet it: the row has in Columns
// values that are together one of Keys, see [PathKey], and the value in Range, if
// that is a column, has an Order from From on and before To.
type Path struct {
	Columns  []string
	Keys     []Key
	Range    string
	From, To Key
}

// manyPaths is how many paths a test may have.
const manyPaths = 64

// Paths returns paths such that every row that may meet the test is on one of
// them. It returns false if there are none but for all rows.
func (t *Test) Paths() ([]Path, bool) {
	switch t.op {
	case anyOf:
		var all []Path
		for _, part := range t.parts {
			some, ok := part.Paths()
			if !ok || len(all)+len(some) > manyPaths {
				return nil, false
			}
			all = append(all, some...)
		}
		return all, true
	case allOf:
		if p, ok := pathOf(t.leaves(nil)); ok {
			return p, true
		}
		for _, part := range t.parts {
			if part.op != allOf {
				if all, ok := part.Paths(); ok {
					return all, true
				}
			}
		}
		return nil, false
	default:
		return pathOf([]*Test{t})
	}
}

// leaves adds the tests of single columns that are all to be met.
func (t *Test) leaves(all []*Test) []*Test {
	for _, part := range t.parts {
		switch part.op {
		case allOf:
			all = part.leaves(all)
		case anyOf:
		default:
			all = append(all, part)
		}
	}
	return all
}

// pathOf returns the path of rows that meet all of these tests: by all columns
// that equal one value, or else by one that equals one of several, and by one
// column that lies between two values.
func pathOf(leaves []*Test) ([]Path, bool) {
	p := Path{Keys: []Key{""}}
	single := map[string]Key{}
	var several *Test
	for _, leaf := range leaves {
		switch {
		case leaf.op == isNull:
			single[leaf.column] = NullKey
		case leaf.op == equal && len(leaf.keys) == 1:
			single[leaf.column] = leaf.keys[0]
		case leaf.op == equal && (several == nil || len(leaf.keys) < len(several.keys)):
			several = leaf
		}
	}
	for column := range single {
		p.Columns = append(p.Columns, column)
	}
	slices.Sort(p.Columns)
	for _, column := range p.Columns {
		p.Keys[0] += single[column]
	}
	if len(p.Columns) == 0 && several != nil {
		p.Columns, p.Keys = []string{several.column}, slices.Clone(several.keys)
		slices.Sort(p.Keys)
		p.Keys = slices.Compact(p.Keys)
	}
	for _, leaf := range leaves {
		if leaf.op < less && leaf.op != isNotNull || leaf.op == isNotNull && !leaf.kind.Ordered || slices.Contains(p.Columns, leaf.column) {
			continue
		}
		if p.Range == "" {
			p.Range, p.From, p.To = leaf.column, "", beyondAll
		}
		if p.Range == leaf.column {
			p.narrow(leaf)
		}
	}
	switch {
	case p.Range != "" && p.From >= p.To:
		return nil, true // no row
	case p.Range == "" && len(p.Columns) == 0:
		return nil, false
	}
	return []Path{p}, true
}

// narrow makes the range that of a test, too.
func (p *Path) narrow(leaf *Test) {
	switch leaf.op {
	case less:
		p.To = min(p.To, leaf.bound)
	case atMost:
		p.To = min(p.To, leaf.bound.successor())
	case greater:
		p.From = max(p.From, leaf.bound.successor())
	case atLeast:
		p.From = max(p.From, leaf.bound)
	default:
	}
}

// PathKey returns what paths with these columns have in Keys for a row. It
// returns false if that cannot be told: then the row may be on any of them.
func PathKey(columns []string, kinds map[string]ColumnKind, row map[string]any) (Key, bool) {
	var all Key
	for _, c := range columns {
		v, read := row[c]
		if read && v == nil {
			all += NullKey
			continue
		}
		key, ok := kinds[c].Stored(v)
		if !read || !ok {
			return "", false
		}
		all += key
	}
	return all, true
}
