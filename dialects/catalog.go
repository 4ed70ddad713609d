package dialects

import "slices"

// Object is one table or view in a [Catalog].
type Object struct {
	Table Table
	// View reports a view: it has no rows of its own.
	View bool
	// Covered reports that every change of the table's rows reaches the
	// change feed. Results that depend on an uncovered table are not kept.
	Covered bool
	// Why says why the table is not covered.
	Why string
	// Key are the columns of the primary key if the change log tells the keys
	// of changed rows, in its order.
	Key []KeyColumn
	// Mentions holds the names in the definition of a view.
	Mentions []string
	// Replaces: writing a row may delete others of the table, without any
	// trigger (REPLACE as the way out of a conflict).
	Replaces bool
	// Fires holds the names in the triggers of a table or view, and those of
	// the tables that its foreign keys cascade to: what writing it may read
	// and write besides.
	Fires []string
}

// Catalog is one snapshot of a database's tables, views and triggers. It
// never changes.
type Catalog struct {
	objects map[string][]*Object
	flavor  Flavor
	version uint64
	trust   Trust // nil for CheckCalls
}

// NewCatalog returns a catalogue of objects, whose names are compared as
// databases of the flavor compare them.
func NewCatalog(version uint64, flavor Flavor, objects []Object) *Catalog {
	c := &Catalog{objects: make(map[string][]*Object, len(objects)), flavor: flavor, version: version}
	for i := range objects {
		o := &objects[i]
		name := Fold(flavor, o.Table.Name)
		c.objects[name] = append(c.objects[name], o)
	}
	return c
}

// Trusting makes trust the judge of the functions that texts call, in place of
// [CheckCalls].
func (c *Catalog) Trusting(trust Trust) *Catalog {
	c.trust = trust
	return c
}

// checkCalls judges functions that a text calls.
func (c *Catalog) checkCalls(calls []string) (uncacheable string, writesAll bool) {
	if c.trust != nil {
		return c.trust.Check(calls)
	}
	return CheckCalls(c.flavor, calls)
}

// Version returns the version that NewCatalog was given.
func (c *Catalog) Version() uint64 { return c.version }

// Find returns the objects with that name, in whatever schema.
func (c *Catalog) Find(name string) []*Object { return c.objects[Fold(c.flavor, name)] }

// Objects returns all objects in order of their names.
func (c *Catalog) Objects() []*Object {
	var all []*Object
	for _, objects := range c.objects {
		all = append(all, objects...)
	}
	slices.SortFunc(all, func(a, b *Object) int { return a.Table.Compare(b.Table) })
	return all
}

// Reads returns the tables that a statement with those names in it can read: a
// superset, since a name may also be that of a column. Views are replaced by
// the tables behind them.
func (c *Catalog) Reads(names []string) []Table {
	return c.closure(names, false)
}

// Writes returns the tables that a statement with those names in it can write,
// a superset likewise, with everything that triggers and foreign keys may
// touch.
func (c *Catalog) Writes(names []string) []Table {
	return c.closure(names, true)
}

func (c *Catalog) closure(names []string, writes bool) []Table {
	var set objectSet
	for _, name := range names {
		set.addAll(c.Find(name))
	}
	set.close(c, writes)
	return set.tables()
}

// readCalls returns the names of calls in a read. Only in SQLite a table may
// be called there, with what a virtual table is to search for.
func (c *Catalog) readCalls(calls []string) []string {
	if c.flavor != SQLite {
		return calls
	}
	return c.functions(calls)
}

// functions returns the names of calls that are not tables or views: a table
// stands before a parenthesis too, in front of a list of columns.
func (c *Catalog) functions(calls []string) []string {
	if c.trust != nil {
		return calls // there may be functions of the names of tables
	}
	var functions []string
	for _, name := range calls {
		if c.Find(name) == nil {
			functions = append(functions, name)
		}
	}
	return functions
}

// Uncovered returns the first table of tables that is not covered, and why.
func (c *Catalog) Uncovered(tables []Table) (table Table, why string, found bool) {
	for _, t := range tables {
		o := c.object(t)
		switch {
		case o == nil:
			return t, "it is not in the catalogue", true
		case !o.Covered:
			return t, o.Why, true
		}
	}
	return Table{}, "", false
}

func (c *Catalog) object(t Table) *Object {
	for _, o := range c.Find(t.Name) {
		if o.Table == t {
			return o
		}
	}
	return nil
}
