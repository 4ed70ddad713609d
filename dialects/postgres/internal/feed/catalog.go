package feed

import (
	"maps"
	"slices"
	"strings"

	"github.com/vantage-go/live/dialects"
)

// informationSchema stands for all views of that schema: they cannot be named
// without it, unless the session's search path holds it.
const informationSchema = "information_schema"

// catalog turns the schema into what the analysis needs.
func (s *schema) catalog(version uint64) *dialects.Catalog {
	var all []string
	for _, r := range s.relations {
		all = append(all, r.table.Name)
	}
	objects := make([]dialects.Object, 0, len(s.relations)+len(s.system)+1)
	for _, r := range s.relations {
		objects = append(objects, s.object(r, all))
	}
	for _, name := range append(slices.Clone(s.system), informationSchema) {
		objects = append(objects, dialects.Object{Table: dialects.Table{Schema: "pg_catalog", Name: name}, Why: "it belongs to the system"})
	}
	// Calls of a name that Postgres has are taken for calls of its function. If
	// there is another one whose result may change by itself, the name stands
	// for something that is not covered. Other names are not trusted anyway.
	for _, name := range slices.Sorted(maps.Keys(s.functions)) {
		if s.functions[name] && dialects.Harmless(dialects.Postgres, name) {
			objects = append(objects, dialects.Object{Table: dialects.Table{Schema: "pg_catalog", Name: name}, Why: "there is a function of that name that is not Postgres' own"})
		}
	}
	return dialects.NewCatalog(version, dialects.Postgres, objects)
}

// object describes one relation. All are the names of all relations.
func (s *schema) object(r *relation, all []string) dialects.Object {
	o := dialects.Object{Table: r.table, Fires: s.fires(r, all)}
	if r.kind == viewRelation {
		scan := dialects.ScanText(dialects.Postgres, r.view)
		o.Mentions = scan.Names
		// A view that is more than the tables behind it stands for itself, as
		// a table that is not covered.
		o.Why = s.impure(r.view, scan)
		o.View = o.Why == ""
		return o
	}
	switch o.Why = r.uncaptured(s); {
	case o.Why != "":
	case r.secured:
		o.Why = "row-level security shows other rows to other roles"
	default:
		o.Covered = true
	}
	return o
}

// impure says why the rows of a view depend on more than tables, or returns
// nothing.
func (s *schema) impure(text string, scan dialects.Scan) string {
	switch {
	case text == "":
		return "its definition is not known"
	case scan.Kind != dialects.Read:
		return "it is a view that is not understood: " + scan.Why
	}
	for _, name := range scan.Calls {
		if _, own := s.functions[name]; own {
			return "it is a view that calls " + name + "(), which is not a function of Postgres"
		}
	}
	if why, _ := dialects.CheckCalls(dialects.Postgres, scan.Calls); why != "" {
		return "it is a view: " + why
	}
	return ""
}

// fires returns the names of what may be read and written besides when r is
// written: tables that share its rows, those that foreign keys change, and
// those that its triggers and rules touch, which are all if they cannot be
// told.
func (s *schema) fires(r *relation, all []string) []string {
	if r.rules {
		return all
	}
	var names []string
	for _, other := range r.kin {
		names = append(names, other.table.Name)
	}
	names = append(names, r.affects...)
	for _, t := range r.triggers {
		if t.ours() {
			continue
		}
		touched, known := s.touches(t)
		if !known {
			return all
		}
		names = append(names, touched...)
	}
	return names
}

// touches returns the names in the function of a trigger, and whether they are
// all that it can touch.
func (s *schema) touches(t storedTrigger) (names []string, known bool) {
	switch {
	case t.schema == "pg_catalog":
		return nil, true // those that come with the database change the row at hand
	case t.language != "plpgsql" || strings.Contains(strings.ToLower(t.source), "execute"):
		return nil, false
	}
	scan := dialects.ScanText(dialects.Postgres, t.source)
	for _, name := range scan.Calls {
		_, own := s.functions[name]
		if own || !dialects.Harmless(dialects.Postgres, name) && !s.isRelation(name) {
			return nil, false
		}
	}
	return scan.Names, true
}

// isRelation reports whether there is a relation of that name: one stands
// before a parenthesis, too, in front of a list of columns.
func (s *schema) isRelation(name string) bool {
	return slices.ContainsFunc(s.relations, func(r *relation) bool { return r.table.Name == name })
}

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
	case s.hidden != old.hidden || s.installed != old.installed || s.forbidden != old.forbidden || s.version != old.version || s.bell != old.bell || s.later != old.later:
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
