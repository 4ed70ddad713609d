package dialects

import "slices"

// writtenBy returns the tables that a statement writes, and the touches on
// them. All is set if it names one that the catalogue does not list.
func (c *Catalog) writtenBy(cl *clauses, r *resolved) (tables []Table, touches []Pin, all bool) {
	var set objectSet
	for i := range cl.refs {
		if !cl.refs[i].target {
			continue
		}
		all = all || len(r.objects[i]) == 0 && cl.refs[i].name != ""
		// Another table of the name, in a schema that is not named, counts.
		set.addAll(c.objects[cl.refs[i].name])
	}
	direct := slices.Clone(set.list)
	set.close(c, true)
	if len(direct) == 1 && !all {
		if touch := c.touch(cl, direct[0], &set); touch != nil {
			touches = append(touches, *touch)
		}
	}
	return set.tables(), touches, all
}

// touch returns the rows of o that a statement changes, or nil if they are not
// known: o is all that it writes itself, and all are what it may reach.
func (c *Catalog) touch(cl *clauses, o *Object, all *objectSet) *Pin {
	if !cl.write.simple || !o.pinnable() || o.Replaces && cl.write.verb != "delete" || c.reachesItself(o, all) {
		return nil
	}
	if c.flavor == SQLite && slices.ContainsFunc(cl.write.columns, isRowid) {
		return nil // which may be the key by another name
	}
	pin := &Pin{Table: o.Table, Kinds: o.kinds()}
	switch cl.write.verb {
	case "insert":
		return pin.inserted(c.flavor, o, &cl.write)
	case "update":
		for _, k := range o.Key {
			if slices.Contains(cl.write.columns, Fold(c.flavor, k.Name)) {
				return nil
			}
		}
	}
	return pin.with(c.flavor, o, cl.refs[0].where, 1)
}

// isRowid reports whether a column of that folded name may be the rowid of SQLite.
func isRowid(name string) bool { return name == "rowid" || name == "oid" || name == "_rowid_" }

// reachesItself reports whether triggers and foreign keys may write rows of o
// other than those that a statement does. A trigger that speaks of NEW may give
// a row another key.
func (c *Catalog) reachesItself(o *Object, all *objectSet) bool {
	if slices.Contains(o.Fires, "new") && c.flavor != SQLite {
		return true
	}
	for _, other := range all.list {
		for _, name := range other.Fires {
			if slices.Contains(c.Find(name), o) {
				return true
			}
		}
		for _, name := range other.Mentions {
			if slices.Contains(c.Find(name), o) {
				return true
			}
		}
	}
	return false
}

// inserted adds the rows that an INSERT gives keys to, which are stored as
// they are. It returns nil if it does not know all keys.
func (p *Pin) inserted(flavor Flavor, o *Object, w *writing) *Pin {
	at := make([]int, len(o.Key))
	for i, k := range o.Key {
		name := Fold(flavor, k.Name)
		if at[i] = slices.Index(w.columns, name); at[i] < 0 || slices.Contains(w.columns[at[i]+1:], name) {
			return nil
		}
		// Postgres cuts blanks from texts that are too long.
		if k.Kind == TextKey && flavor == Postgres {
			return nil
		}
	}
	for _, values := range w.rows {
		row := make([]Operand, len(at))
		for i, column := range at {
			v := values[column : column+1]
			if !fits(v, o.Key[i].Kind) {
				return nil
			}
			row[i] = v[0].Operand
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}
