package feed

import (
	"maps"
	"slices"

	"github.com/vantage-go/live/dialects"
)

// informationSchema stands for all views of that schema: they cannot be named
// without it, unless the session's search path holds it.
const informationSchema = "information_schema"

// catalog turns the schema into what the analysis needs.
func (s *schema) catalog(version uint64) *dialects.Catalog {
	objects := make([]dialects.Object, 0, len(s.relations)+len(s.system)+1)
	for _, r := range s.relations {
		objects = append(objects, s.object(r))
	}
	for _, name := range append(slices.Clone(s.system), informationSchema) {
		objects = append(objects, dialects.Object{Table: dialects.Table{Schema: "pg_catalog", Name: name}, Why: "it belongs to the system"})
	}
	return dialects.NewCatalog(version, dialects.Postgres, objects).Trusting(s.judge)
}

// object describes one relation.
func (s *schema) object(r *relation) dialects.Object {
	names, _ := s.fires(r)
	o := dialects.Object{Table: r.table, Fires: names}
	if r.kind == viewRelation {
		o.Mentions = dialects.ScanText(dialects.Postgres, r.view).Names
		// A view that is more than the tables behind it stands for itself, as
		// a table that is not covered.
		o.Why = s.impure(r)
		o.View = o.Why == ""
		return o
	}
	if o.Why = r.uncaptured(s); o.Why == "" {
		o.Why = s.unfit(r)
	}
	if o.Why == "" && r.secured {
		o.Mentions, o.Why = s.secured(r)
	}
	o.Covered = o.Why == ""
	o.Key = r.keyColumns()
	return o
}

// impure says why the rows of a view depend on more than tables, or returns
// nothing.
func (s *schema) impure(r *relation) string {
	if r.view == "" {
		return "its definition is not known"
	}
	scan := dialects.ScanText(dialects.Postgres, r.view)
	if scan.Kind != dialects.Read {
		return "it is a view that is not understood: " + scan.Why
	}
	if why, _ := dialects.Trust(s.judge).Check(scan.Calls); why != "" {
		return "it is a view: " + why
	}
	for _, name := range scan.Names {
		if spoil := s.spoils(name); spoil.why != "" {
			return "it is a view that " + spoil.why
		}
	}
	if spoil := s.hiddenIn(r.view, s.ofDay); spoil.why != "" {
		return "it is a view that " + spoil.why
	}
	return s.unfit(r)
}

// unfit says why the values in a relation must not be in a result that is kept,
// or returns nothing.
func (s *schema) unfit(r *relation) string {
	for _, c := range s.code.odd[r.oid] {
		why := s.typeSpoil(c.typ).why
		if c.builtin != "" && !c.ofDay() {
			why = "type " + c.builtin + ", which depends on more than the row"
		}
		if why != "" {
			return "its column " + c.name + " has " + why
		}
	}
	return ""
}

// identity are the functions that depend on nothing but who asks, of which the
// settings of a session tell.
var identity = map[string]bool{"current_user": true, "session_user": true, "current_role": true, "user": true}

// secured returns the tables that decide which rows of r its policies show, or
// why those depend on more than tables and on who asks.
func (s *schema) secured(r *relation) (mentions []string, why string) {
	for _, e := range s.code.expressions[r.oid] {
		if e.kind != "policy" {
			continue
		}
		if spoil := s.impureExpression(e.text, identity); spoil.why != "" {
			return nil, "row-level security, with a policy that " + spoil.why
		}
		for _, name := range dialects.ScanText(dialects.Postgres, "SELECT "+e.text).Names {
			if s.isRelation(name) {
				mentions = append(mentions, name)
			}
		}
	}
	return mentions, ""
}

// fires returns the names of what may be read and written besides when r is
// written: tables that share its rows, those that foreign keys change, and
// those that its triggers touch. Unproven says in a few words why that may not
// be all.
func (s *schema) fires(r *relation) (names []string, unproven string) {
	for _, other := range r.kin {
		names = append(names, other.table.Name)
	}
	names = append(names, r.affects...)
	if r.rules {
		unproven = "rules of table " + r.table.String()
	}
	for _, t := range r.triggers {
		if t.ours() {
			continue
		}
		touched, known := s.touches(t)
		if !known && unproven == "" {
			unproven = "trigger " + t.name + " on table " + r.table.String() + ", which may write to any table"
		}
		names = append(names, touched...)
	}
	for _, e := range s.code.expressions[r.oid] {
		if spoil := s.impureExpression(e.text, nil); spoil.writes && unproven == "" {
			unproven = "an expression of table " + r.table.String() + " " + spoil.why
		}
	}
	for _, c := range s.code.odd[r.oid] {
		if spoil := s.typeSpoil(c.typ); spoil.writes && unproven == "" {
			unproven = "column " + c.name + " of table " + r.table.String() + " has " + spoil.why
		}
	}
	return names, unproven
}

// touches returns the names in the function of a trigger, and whether they are
// all that it can touch.
func (s *schema) touches(t storedTrigger) (names []string, known bool) {
	switch {
	case t.schema == "pg_catalog":
		return nil, true // those that come with the database change the row at hand
	case t.language != "plpgsql" || !onlyRows(t.source):
		return nil, false
	}
	scan := dialects.ScanText(dialects.Postgres, t.source)
	if len(scan.Names) == 0 {
		return nil, false // it was not looked into
	}
	if _, writes := dialects.Trust(s.judge).Check(scan.Calls); writes {
		return nil, false
	}
	for _, name := range scan.Names {
		if s.spoils(name).writes {
			return nil, false
		}
	}
	if s.hiddenIn(t.source, s.ofDay).writes {
		return nil, false
	}
	if t.kind&beforeRow == beforeRow {
		return append(scan.Names, "new"), true // whichever row it returns is the new one
	}
	return scan.Names, true
}

// beforeRow are the bits of pg_trigger.tgtype of a trigger that may change a row
// before it is written.
const beforeRow = 1 | 2

// isRelation reports whether there is a relation of that name: one stands
// before a parenthesis, too, in front of a list of columns.
func (s *schema) isRelation(name string) bool { return s.names[name] }

// diff compares s with an older schema. Either it returns in a few words why
// results from the time of old may have lost their meaning, or the tables
// whose rows may have been replaced without the log telling.
func (s *schema) diff(old *schema) (reset string, marks []dialects.Table) {
	if why := s.differs(old); why != "" {
		return "the schema has changed: " + why, nil
	}
	for _, r := range s.relations {
		if o := old.relation(r.oid); o.filenode != r.filenode {
			marks = append(append(marks, r.table), r.relatives...)
		}
	}
	slices.SortFunc(marks, dialects.Table.Compare)
	return "", slices.Compact(marks)
}

// differs names something that is not as in old, other than where rows are.
func (s *schema) differs(old *schema) string {
	switch {
	case s.hidden != old.hidden || s.installed != old.installed || s.forbidden != old.forbidden || s.strange != old.strange || s.version != old.version || s.bell != old.bell || s.later != old.later:
		return "the change log"
	case len(s.captures) != len(old.captures):
		return "the functions of livesql"
	}
	for _, name := range slices.Sorted(maps.Keys(s.captures)) {
		if old.captures[name] != s.captures[name] {
			return "function livesql." + name
		}
	}
	for _, r := range s.relations {
		if o := old.relation(r.oid); o == nil || o.definition != r.definition || o.subscription != r.subscription || o.view != r.view {
			return "table " + r.table.String()
		}
	}
	for _, o := range old.relations {
		if s.relation(o.oid) == nil {
			return "table " + o.table.String()
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(s.rest)) {
		if old.rest[kind] != s.rest[kind] {
			return kind
		}
	}
	// A schema that was renamed, and a foreign key that was added elsewhere.
	for _, r := range s.relations {
		if o := old.relation(r.oid); o.table != r.table || !slices.Equal(o.affects, r.affects) || !slices.EqualFunc(o.kin, r.kin, func(a, b *relation) bool { return a.oid == b.oid }) {
			return "table " + r.table.String()
		}
	}
	return ""
}
