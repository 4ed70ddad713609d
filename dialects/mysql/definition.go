package mysql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vantage-go/live/dialects"
)

// definition is SQL that the catalogue holds and the server runs by itself: the
// query of a view, the body of a trigger, the expressions of computed columns.
type definition struct {
	names, calls []string
	// why says why results that it contributes to are not kept, or is empty.
	why string
	// unknown says why running it may change anything, or is empty.
	unknown string
	// time: it makes times of day.
	time bool
}

// namedView is a view of the database.
type namedView struct {
	name, text string
	*definition
}

// define reads everything of the kind, once all tables and views are known.
func (s *schema) define() {
	for _, v := range s.views {
		v.definition = s.view(v.text)
	}
	for _, t := range s.tables {
		for _, text := range t.triggers {
			t.does = append(t.does, s.trigger(text))
		}
		if len(t.expressions) > 0 {
			t.computed = s.expressions(t.expressions)
		}
	}
}

// view reads the query of a view, in which the server has qualified all names.
func (s *schema) view(text string) *definition {
	if text == "" {
		const hidden = "its definition is not shown to the feed's account, which lacks the SHOW VIEW right"
		return &definition{why: hidden, unknown: hidden}
	}
	scan, refs := dialects.ScanText(dialects.MySQL, text), dialects.MySQLText(text)
	d := &definition{names: refs.Names, calls: scan.Calls, time: refs.Time, why: scan.Why, unknown: refs.Strange}
	if d.why == "" {
		d.why = s.elsewhere(refs.Tables)
	}
	s.trusts(d)
	return d
}

// expressions reads the expressions of columns.
func (s *schema) expressions(texts []string) *definition {
	text := "SELECT " + strings.Join(texts, ", ")
	scan, refs := dialects.ScanText(dialects.MySQL, text), dialects.MySQLText(text)
	d := &definition{names: refs.Names, calls: scan.Calls, time: refs.Time, why: scan.Why}
	s.trusts(d)
	return d
}

// trusts judges what d calls.
func (s *schema) trusts(d *definition) {
	why, writes := dialects.Trust(s.trust).Check(d.calls)
	if d.why == "" {
		d.why = why
	}
	if writes && d.unknown == "" {
		d.unknown = why
	}
}

// trigger reads the body of a trigger of the program.
func (s *schema) trigger(body string) *definition {
	if body == "" {
		return &definition{unknown: "a trigger is not shown to the feed's account"}
	}
	refs := dialects.MySQLText(body)
	d := &definition{names: refs.Names, unknown: refs.Strange}
	unknown := func(format string, args ...any) {
		if d.unknown == "" {
			d.unknown = "a trigger " + fmt.Sprintf(format, args...)
		}
	}
	for _, name := range refs.Names {
		switch {
		case name == "call":
			unknown("calls a procedure")
		case name == "temporary":
			unknown("is about a temporary table")
		case name != "old" && name != "new" && slices.Contains(settings, name):
			unknown("may change a setting of the session (%s)", name)
		}
	}
	for _, t := range refs.Tables {
		if !s.owns(t) {
			unknown("uses the table %s, of which nothing is known", t)
		}
	}
	for _, name := range refs.Calls {
		if _, writes := s.trust(name); writes && !procedural[name] {
			unknown("calls %s(), a function that is not known", name)
		}
	}
	for _, name := range refs.Variables {
		unknown("may change a setting of the session (%s)", name)
	}
	return d
}

var settings = dialects.MySQLSettings()

// procedural are words of stored programs that stand before parentheses.
var procedural = map[string]bool{
	"if": true, "elseif": true, "while": true, "until": true, "return": true, "datetime": true, "enum": true,
}

// trust judges the functions of one name.
func (s *schema) trust(name string) (uncacheable string, writes bool) {
	switch {
	case s.lowered[name]:
		return "", false // a table before a list of columns
	case name == "get_lock":
		return "takes a lock (get_lock)", false // which taints the session
	case !s.server.has(name) || !dialects.Harmless(dialects.MySQL, name):
		return "calls " + name + "(), a function that is not known", true
	case !dialects.SessionPure(dialects.MySQL, name):
		return "the result of " + name + "() is not determined by its arguments", false
	}
	return "", false
}

// owns reports whether t is a table or view of the database, as far as is known.
func (s *schema) owns(t dialects.Table) bool {
	if t.Schema != "" && s.server.fold(t.Schema) != s.server.fold(s.server.database) {
		return false
	}
	return s.find(t.Name) != nil || slices.ContainsFunc(s.views, func(v *namedView) bool { return s.server.fold(v.name) == s.server.fold(t.Name) })
}

// elsewhere says which of tables is none of the database's that is known, or
// returns nothing.
func (s *schema) elsewhere(tables []dialects.Table) string {
	for _, t := range tables {
		if !s.owns(t) {
			return "uses " + t.String() + ", which is not a table of the feed's database that is known"
		}
	}
	return ""
}
