package dialects

import "slices"

// objectSet is a list of objects, each once.
type objectSet struct {
	list []*Object
	seen map[*Object]struct{} // only of many
}

// add adds an object and reports whether it is new.
func (s *objectSet) add(o *Object) bool {
	if s.has(o) {
		return false
	}
	if s.list = append(s.list, o); len(s.list) >= manyNames {
		if s.seen == nil {
			s.seen = make(map[*Object]struct{}, 4*manyNames)
			for _, old := range s.list {
				s.seen[old] = struct{}{}
			}
		}
		s.seen[o] = struct{}{}
	}
	return true
}

func (s *objectSet) has(o *Object) bool {
	if s.seen != nil {
		_, ok := s.seen[o]
		return ok
	}
	return slices.Contains(s.list, o)
}

// close adds what can be reached from the objects of the set.
func (s *objectSet) close(c *Catalog, writes bool) {
	for done := 0; done != len(s.list); done++ { // the list grows
		o := s.list[done]
		for _, name := range o.Mentions {
			s.addAll(c.Find(name))
		}
		if !writes {
			continue
		}
		for _, name := range o.Fires {
			s.addAll(c.Find(name))
		}
	}
}

func (s *objectSet) addAll(objects []*Object) {
	for _, o := range objects {
		s.add(o)
	}
}

// tables returns the tables of the set that have rows of their own.
func (s *objectSet) tables() []Table {
	var tables []Table
	for _, o := range s.list {
		if !o.View {
			tables = append(tables, o.Table)
		}
	}
	return sortTables(tables)
}

// resolved is what the references of a statement are in a catalogue.
type resolved struct {
	// objects of each reference, which may be one of several.
	objects [][]*Object
	// missing is a reference that is nothing in the catalogue, or empty.
	missing string
	// conflict is a reference that the words of the statement do not name: a
	// mistake of one of the two who read it.
	conflict string
}

// resolve finds the references of a statement in the catalogue.
func (c *Catalog) resolve(cl *clauses, scan *Scan) resolved {
	r := resolved{objects: make([][]*Object, len(cl.refs))}
	for i := range cl.refs {
		ref := &cl.refs[i]
		if ref.name == "" {
			continue
		}
		if r.conflict == "" && !slices.Contains(scan.Names, ref.name) {
			r.conflict = ref.name
		}
		all := c.objects[ref.name]
		if ref.schema != "" {
			all = c.inSchema(all, ref.schema)
		}
		r.objects[i] = all
		known := len(all) > 0 || ref.maybe || c.flavor == MySQL && ref.name == "dual"
		if !known && r.missing == "" {
			r.missing = ref.name
		}
	}
	return r
}

// inSchema returns those of objects that are in the schema.
func (c *Catalog) inSchema(objects []*Object, schema string) []*Object {
	is := func(o *Object) bool { return o.Table.Schema == "" || Fold(c.flavor, o.Table.Schema) == schema }
	if !slices.ContainsFunc(objects, func(o *Object) bool { return !is(o) }) {
		return objects
	}
	var found []*Object
	for _, o := range objects {
		if is(o) {
			found = append(found, o)
		}
	}
	return found
}

// systemSchema is the schema of Postgres whose objects count wherever a name is
// theirs, be it that of a column: they also stand for functions, which Postgres
// calls for t.name, too.
const systemSchema = "pg_catalog"

// readBy returns the tables that a statement reads, and the pins on them.
func (c *Catalog) readBy(cl *clauses, r *resolved, scan *Scan) ([]Table, []Pin) {
	// What is read by other ways than a reference.
	var behind objectSet
	for _, name := range scan.Calls {
		// A table in no reference, but for what stands for a function that is
		// not trusted.
		for _, o := range c.objects[name] {
			if !o.Covered && !o.View {
				behind.add(o)
			}
		}
	}
	if c.flavor == Postgres {
		for _, name := range scan.Names {
			for _, o := range c.objects[name] {
				if o.Table.Schema == systemSchema {
					behind.add(o)
				}
			}
		}
	}
	for _, objects := range r.objects {
		for _, o := range objects {
			for _, name := range o.Mentions {
				behind.addAll(c.Find(name))
			}
		}
	}
	behind.close(c, false)
	pins := c.pins(cl, r, &behind)
	all := behind
	for _, objects := range r.objects {
		all.addAll(objects)
	}
	return all.tables(), pins
}

// pins returns the pins on the tables that are read by nothing but references
// which ask for few of their rows.
func (c *Catalog) pins(cl *clauses, r *resolved, behind *objectSet) []Pin {
	var pins []Pin
	var done objectSet
	for _, objects := range r.objects {
		if len(objects) != 1 || !objects[0].pinnable() || !done.add(objects[0]) || behind.has(objects[0]) {
			continue
		}
		o := objects[0]
		pin := &Pin{Table: o.Table, Kinds: o.kinds()}
		for k := 0; k < len(r.objects) && pin != nil; k++ {
			if slices.Contains(r.objects[k], o) {
				pin = pin.with(c.flavor, o, cl.refs[k].where, len(r.objects[k]))
			}
		}
		if pin != nil {
			pins = append(pins, *pin)
		}
	}
	return pins
}

// pinnable reports whether rows of the object can be told apart.
func (o *Object) pinnable() bool {
	return !o.View && len(o.Key) > 0 && !slices.ContainsFunc(o.Key, func(k KeyColumn) bool { return k.Kind == NoKey })
}

func (o *Object) kinds() []KeyKind {
	kinds := make([]KeyKind, len(o.Key))
	for i, k := range o.Key {
		kinds[i] = k.Kind
	}
	return kinds
}

// with adds the rows that a reference with those conditions can ask for. It
// returns nil if these are not few, or if the reference is one to several
// objects.
func (p *Pin) with(flavor Flavor, o *Object, where []equality, objects int) *Pin {
	if objects != 1 {
		return nil
	}
	columns := make([][]value, len(o.Key))
	for i, k := range o.Key {
		for _, e := range where {
			if e.column == Fold(flavor, k.Name) && fits(e.values, k.Kind) && (len(o.Key) == 1 || len(e.values) == 1) {
				columns[i] = e.values
				break
			}
		}
		if columns[i] == nil {
			return nil
		}
	}
	if len(p.Rows)+len(columns[0]) > maxPinned {
		return nil
	}
	for n := range columns[0] {
		row := make([]Operand, len(columns))
		for i, values := range columns {
			row[i] = values[n].Operand
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}

// fits reports whether the values are compared as keys of the kind.
func fits(values []value, kind KeyKind) bool {
	for _, v := range values {
		if v.cast != NoKey && v.cast != kind {
			return false
		}
		if v.Param < 0 {
			return false
		}
		if _, ok := kind.append(nil, v.Literal); v.Param == 0 && !ok {
			return false
		}
	}
	return true
}
