package feed

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vantage-go/live/dialects"
)

// relate finds the kin of r: the tables above it, those below it, and those
// above the ones below it, since a child can have several parents.
func (r *relation) relate() {
	seen := map[*relation]bool{r: true}
	var kin []*relation
	var add func(*relation, func(*relation) []*relation)
	add = func(from *relation, next func(*relation) []*relation) {
		for _, other := range next(from) {
			if !seen[other] {
				seen[other] = true
				kin = append(kin, other)
				add(other, next)
			}
		}
	}
	children := func(r *relation) []*relation { return r.children }
	parents := func(r *relation) []*relation { return r.parents }
	add(r, children)
	for _, below := range append([]*relation{r}, kin...) {
		add(below, parents)
	}
	slices.SortFunc(kin, func(a, b *relation) int { return a.table.Compare(b.table) })
	r.kin = kin
}

// chooseKeys decides whether the log can hold the keys of r.
func (r *relation) chooseKeys(encoding string) {
	if !r.capturable() {
		return
	}
	if r.whole = r.keyless(encoding); r.whole == "" && r.hides() {
		// Every reader of the log reads all of it.
		r.whole, r.hidden = "row-level security hides rows of it, and the change log would show their keys", r.keyKinds()
	}
	if r.whole == "" {
		r.keys = r.keyKinds()
	}
}

func (r *relation) keyKinds() []keyKind {
	kinds := make([]keyKind, len(r.primary))
	for i, c := range r.primary {
		kinds[i] = keyKinds[c.typ]
	}
	return kinds
}

// hides reports whether row-level security hides rows of r, or of a table whose
// rows they are, too.
func (r *relation) hides() bool {
	return r.secured || slices.ContainsFunc(r.kin, func(other *relation) bool { return other.secured })
}

// keyless says why changes mark r as a whole, or returns nothing.
func (r *relation) keyless(encoding string) string {
	if len(r.primary) == 0 {
		return "it has no primary key"
	}
	if len(r.children) > 0 && r.kind != partitionedTable {
		return "tables that inherit from it may have rows with the same keys"
	}
	for _, c := range r.primary {
		kind := keyKinds[c.typ]
		switch {
		case kind == 0 || !c.builtin:
			return "key column " + c.name + " has type " + c.typ + ", whose values can be written in several ways"
		case !c.deterministic:
			return "key column " + c.name + " has a collation that takes different texts for equal"
		case c.isText() && encoding == "SQL_ASCII":
			return "key column " + c.name + " holds bytes of no known encoding"
		}
	}
	return ""
}

// nameRelatives fills in what readers need to know of the kin.
func (r *relation) nameRelatives() {
	for _, other := range r.kin {
		r.relatives = append(r.relatives, other.table)
		r.keyed = append(r.keyed, len(r.keys) > 0 && r.partitioned() && other.partitioned() && slices.Equal(r.primary, other.primary) && slices.Equal(r.keys, other.keys))
	}
}

// partitioned reports whether r is part of a partitioned table.
func (r *relation) partitioned() bool { return r.partition || r.kind == partitionedTable }

// capturable reports whether r can have capture triggers that tell of all
// changes.
func (r *relation) capturable() bool { return r.obstacle() == "" }

// obstacle says why r cannot be captured, or returns nothing.
func (r *relation) obstacle() string {
	switch r.kind {
	case ordinaryTable, partitionedTable:
	case viewRelation:
		return "it is a view"
	case materializedView:
		return "it is a materialized view, which cannot have triggers"
	case foreignTable:
		return "it is a foreign table, whose rows change elsewhere"
	case sequence:
		return "it is a sequence"
	default:
		return "it is no table"
	}
	if r.isLedger() {
		return ledgerObstacle
	}
	for _, t := range append([]*relation{r}, r.above()...) {
		if foreign := t.foreignBelow(); foreign != nil {
			return "its rows belong to the same table as those of " + foreign.table.String() + ", a foreign table: writes to them would fail if there were triggers that look at them"
		}
		if t.subscription != "" {
			return "the subscription " + t.subscription + " writes to it, for which no statement trigger fires"
		}
	}
	return ""
}

// ledgerObstacle is why the ledger is not captured.
const ledgerObstacle = "it is the ledger of livesql's own saves, which nobody reads but they"

// isLedger reports whether r is where package edit/sqlstore notes saves.
func (r *relation) isLedger() bool {
	return r.kind == ordinaryTable && r.table.Name == dialects.LedgerTable
}

// foreignBelow returns a foreign table whose rows are those of r, too, or nil.
func (r *relation) foreignBelow() *relation {
	for _, child := range r.children {
		if child.kind == foreignTable {
			return child
		}
		if found := child.foreignBelow(); found != nil {
			return found
		}
	}
	return nil
}

// harmed reports that r has capture triggers that make writes to the foreign
// tables below it fail, as when one was attached later.
func (r *relation) harmed() bool { return r.hasCaptures() && r.foreignBelow() != nil }

// above returns the tables whose rows those of r are, too.
func (r *relation) above() []*relation {
	var all []*relation
	for _, p := range r.parents {
		all = append(append(all, p), p.above()...)
	}
	return all
}

// uncaptured says why not all changes of the rows of r reach the log, or
// returns nothing.
func (r *relation) uncaptured(s *schema) string {
	if why := r.obstacle(); why != "" {
		return why
	}
	switch {
	case !s.installed:
		return "livesql is not installed in this database"
	case s.strange != "":
		return "the schema livesql is not livesql's: " + s.strange
	case s.forbidden != "":
		return "this role may not " + s.forbidden
	case s.version != layoutVersion:
		return fmt.Sprintf("the change log has layout %d, this program knows %d", s.version, layoutVersion)
	}
	if s.hidden {
		return "the change log has row-level security or rules, so that rows of it may be hidden"
	}
	if why := r.uncovered(s); why != "" {
		return why
	}
	for _, other := range r.kin {
		why := other.obstacle()
		if why == "" {
			why = other.uncovered(s)
		}
		if why != "" {
			return "of table " + other.table.String() + ", which shares rows with it: " + why
		}
	}
	return ""
}

// uncovered says which of the triggers of r does not tell of all changes, or
// returns nothing. When row-level security comes or goes, those that there are
// tell of them as before; to replace them is for the next installation.
func (r *relation) uncovered(s *schema) string {
	why := r.untriggered(s)
	for _, keys := range [][]keyKind{nil, r.hidden} {
		if why != "" && r.untriggeredBy(s, r.captureOf(keys)) == "" {
			return ""
		}
	}
	return why
}

// untriggered says which of the triggers of r is not as it should be, or
// returns nothing.
func (r *relation) untriggered(s *schema) string { return r.untriggeredBy(s, r.capture()) }

// untriggeredBy is untriggered for triggers that call f.
func (r *relation) untriggeredBy(s *schema, f captureFunction) string {
	if s.newer() && r.triggeredByNewer(s) {
		return ""
	}
	if why := f.differs(s.captures); why != "" && r.hasCaptures() {
		return why
	}
	found := 0
	for _, want := range captureTriggers {
		i := slices.IndexFunc(r.triggers, func(t storedTrigger) bool { return t.name == want.name })
		switch {
		case i < 0:
			return "it has no capture trigger " + want.name
		case !want.is(r.triggers[i], f):
			return "its capture trigger " + want.name + " is out of date"
		case r.triggers[i].enabled != "A":
			return "its capture trigger " + want.name + " is disabled, or not enabled always"
		}
		found++
	}
	if found != len(r.captureNames()) {
		return "it has capture triggers that are out of date"
	}
	return ""
}

// triggeredByNewer reports whether r has the triggers that a later revision has
// installed. They write the same log.
func (r *relation) triggeredByNewer(s *schema) bool {
	for _, want := range captureTriggers {
		i := slices.IndexFunc(r.triggers, func(t storedTrigger) bool { return t.name == want.name })
		if i < 0 {
			return false
		}
		t := r.triggers[i]
		if f := s.captures[t.function]; !f.owned || !f.definer || !isCapture(t.function) || !want.is(t, captureFunction{name: t.function}) || t.enabled != "A" {
			return false
		}
	}
	return len(r.captureNames()) == len(captureTriggers)
}

// captureNames returns the names of the livesql triggers found on r.
func (r *relation) captureNames() []string {
	var names []string
	for _, t := range r.triggers {
		if t.ours() {
			names = append(names, t.name)
		}
	}
	return names
}

func (r *relation) hasCaptures() bool { return len(r.captureNames()) > 0 }

// columns returns the names of the key columns that the log holds.
func (r *relation) columns() []string {
	if len(r.keys) == 0 {
		return nil
	}
	var names []string
	for _, c := range r.primary {
		names = append(names, c.name)
	}
	return names
}

// sql returns the name of r as SQL spells it.
func (r *relation) sql() string { return quoteName(r.table.Schema) + "." + quoteName(r.table.Name) }

// quoteName quotes an identifier.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteText quotes a text literal, whatever the session takes a backslash for.
func quoteText(text string) string {
	quoted := `'` + strings.ReplaceAll(text, `'`, `''`) + `'`
	if strings.Contains(text, `\`) {
		return ` E` + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}
