package feed

import (
	"regexp"
	"slices"
	"strings"

	"github.com/vantage-go/live/dialects"
)

// trusts reports whether what the function returns depends on its arguments and
// the settings of the session alone, and that it writes nothing. One that did
// not come with the database is trusted if it says so and either belongs to an
// extension or is made of what is trusted: its text then names no table, and
// nothing that is not trusted itself.
func (s *schema) trusts(f *function) bool {
	if f.judged {
		return f.trusted // false while it is being judged, which a recursion ends in
	}
	f.judged = true
	switch {
	case f.kind == "a":
		f.trusted = s.trustsAll(f.parts) && !dialects.SaysNow(f.source)
	case f.kind == "p" || f.volatility != "i" || f.settings != "":
	case f.extension, f.language == "internal":
		f.trusted = true
	case f.language == "sql":
		f.trusted = s.pureBody(f)
	case f.language == "plpgsql":
		f.trusted = !s.readsDates(f) && s.pureBody(f)
	}
	if f.trusted && f.defaults != "" {
		f.trusted = s.pureBody(&function{language: "sql", source: "SELECT " + f.defaults})
	}
	return f.trusted
}

// readsDates reports whether a function in PL/pgSQL, which makes whatever it
// returns or assigns a value of the type that is due, may so make a date of a
// text: it is given something else than numbers and dates.
func (s *schema) readsDates(f *function) bool {
	dates, others := false, false
	for _, oid := range f.types {
		t := s.code.types[oid]
		switch {
		case dateOIDs[oid]:
			dates = true
		case t != nil:
			dates, others = dates || s.holdsDate(t, 0), true
		case oid >= builtinOIDs || anyOIDs[oid]:
			dates, others = true, true // rows of tables
		case !numberOIDs[oid]:
			others = true
		}
	}
	return dates && others
}

// trustsAll is trusts for a list of functions, those of the database among them.
func (s *schema) trustsAll(code []uint32) bool {
	return !slices.ContainsFunc(code, func(oid uint32) bool {
		if oid < builtinOIDs {
			return s.code.moody[oid]
		}
		f := s.code.byOID[oid]
		return f == nil || !s.trusts(f)
	})
}

// doings are words of PL/pgSQL that do more than its names and calls tell.
// beyondRows is what a function needs none of that only writes rows: SET is part
// of UPDATE, too, and is looked for where it can start a statement.
var (
	doings     = regexp.MustCompile(`(?i)\b(execute|create|drop|alter|set|reset|lock|listen|notify|copy|do|call|truncate|grant|revoke|load|discard|import|refresh|commit|rollback)\b`)
	beyondRows = regexp.MustCompile(`(?i)\b(execute|create|drop|alter|reset|copy|do\s*\$|call|truncate|load|discard|import|refresh)\b` +
		`|(^|;|>>|\b(begin|then|else|loop)\b)\s*set\s+(local\s+|session\s+)?[\w."]+\s*(=|\bto\b)|\bset\s+(local\s+|session\s+)?(role|session|time|names|schema|constraints|transaction)\b`)
	comments = regexp.MustCompile(`--[^\n]*|(?s:/\*.*?\*/)`)
	// odd are comments that may be part of a text in quotes, or hide a part of
	// one.
	oddComments = regexp.MustCompile(`'[^'\n]*(--|/\*)|(--|/\*)[^\n]*'`)
)

// onlyRows reports whether the text of a trigger's function does nothing but
// compute and work on rows of tables that it names.
func onlyRows(source string) bool {
	if beyondRows.MatchString(source) {
		return false
	}
	return !comments.MatchString(source) || !beyondRows.MatchString(comments.ReplaceAllString(source, " ")) && !oddComments.MatchString(source)
}

// pureBody reports whether the text of a function only computes.
func (s *schema) pureBody(f *function) bool {
	scan := dialects.ScanText(dialects.Postgres, f.source)
	switch {
	case f.source == "":
		return false // BEGIN ATOMIC
	case f.language == "sql" && (scan.Kind != dialects.Read || scan.Statements != 1):
		return false
	case f.language == "plpgsql" && doings.MatchString(f.source):
		return false
	}
	if slices.ContainsFunc(scan.Names, func(name string) bool {
		return s.isRelation(name) || s.code.typeNames[strings.TrimPrefix(name, "_")] || s.spoils(name).why != ""
	}) {
		return false
	}
	if why, _ := dialects.Trust(s.judge).Check(scan.Calls); why != "" {
		return false
	}
	h := dialects.PostgresHidden(f.source, s.isDate)
	return h.Clock == "" && len(h.Dated) == 0 && !h.Zone && !slices.ContainsFunc(h.Operators, func(run string) bool {
		return strings.Contains(run, "@@") || slices.ContainsFunc(s.code.operators, func(o operator) bool {
			return strings.Contains(run, o.name) && !s.trustsAll([]uint32{o.code})
		})
	})
}

// tame reports whether a function is known to write nothing, although what it
// returns may depend on anything.
func (s *schema) tame(oid uint32) bool {
	f := s.code.byOID[oid]
	return oid < builtinOIDs || f != nil && (s.trusts(f) || f.tame())
}

func (f *function) tame() bool {
	return f.extension && (f.language == "c" || f.language == "internal") && f.volatility != "v"
}

// spoil is why a result cannot be kept, if it is not empty, and whether code
// may run that writes.
type spoil struct {
	why    string
	writes bool
}

// uncachedCalls are functions that write nothing, beyond those that
// [dialects.Harmless] knows: they advance a sequence, or change the session in
// ways that the connection is asked about.
var uncachedCalls = map[string]bool{
	"nextval": true, "setval": true, "set_config": true, "pg_advisory_lock": true, "pg_advisory_lock_shared": true,
	"pg_try_advisory_lock": true, "pg_try_advisory_lock_shared": true,
}

// clockCalls are functions among those that depend on the session which also
// may ask the clock: what they make of a text in a table may be a date.
var clockCalls = map[string]bool{
	"json_populate_record": true, "json_populate_recordset": true, "jsonb_populate_record": true, "jsonb_populate_recordset": true,
	"jsonb_path_exists_tz": true, "jsonb_path_match_tz": true, "jsonb_path_query_array_tz": true, "jsonb_path_query_first_tz": true, "jsonb_path_query_tz": true,
}

// judge is the [dialects.Trust] of the schema: why a result that depends on a
// function of that name cannot be kept, and whether it may write.
func (s *schema) judge(name string) (why string, writes bool) {
	own := s.code.functions[name]
	if len(own) == 0 && strings.Contains(name, ".") {
		return "", false // the name without its schema is judged, too
	}
	for _, f := range own {
		if !s.trusts(f) {
			return "calls " + name + "(), which is not known to depend on its arguments alone", !f.tame()
		}
	}
	switch {
	case dialects.SessionPure(dialects.Postgres, name) && !clockCalls[name]:
		return "", false
	case dialects.Harmless(dialects.Postgres, name), uncachedCalls[name]:
		return "the result of " + name + "() is not determined by its arguments", false
	case name == "operator" && len(own) == 0: // a OPERATOR(public.=) b
		return "", false
	case s.code.builtins[name], len(own) == 0 && !s.isRelation(name):
		return "calls " + name + "(), a function that is not known", true
	}
	return "", false
}

// typeSpoil tells what comes of values of a type.
func (s *schema) typeSpoil(oid uint32) spoil {
	if oid < builtinOIDs {
		return spoil{}
	}
	t := s.code.types[oid]
	if t == nil {
		return spoil{why: "a type that livesql does not look into", writes: true}
	}
	if t.judged {
		return t.spoil
	}
	t.judged = true
	untame := func(oid uint32) bool { return !s.tame(oid) }
	wild := slices.ContainsFunc(t.code, untame) || slices.ContainsFunc(t.binary, untame)
	if wild || slices.ContainsFunc(t.code, func(oid uint32) bool { return oid >= builtinOIDs && !s.trustsAll([]uint32{oid}) }) {
		t.spoil = spoil{"type " + t.name + ", whose functions are not known to depend on their arguments alone", wild}
	} else if t.expressions != "" {
		if e := s.impureExpression(t.expressions, nil); e.why != "" {
			t.spoil = spoil{"type " + t.name + ", whose default or check " + e.why, e.writes}
		}
	}
	for _, part := range t.parts {
		if t.spoil.why == "" {
			t.spoil = s.typeSpoil(part)
		}
	}
	return t.spoil
}

// isDate reports whether an input of a type that did not come with the database
// may hold a date or a time.
func (s *schema) isDate(name string) bool {
	for _, t := range s.code.types {
		if t.name == name && s.holdsDate(t, 0) {
			return true
		}
	}
	return false
}

// Oids of the types of dates and times, their arrays, ranges and multiranges.
var dateOIDs = map[uint32]bool{
	1082: true, 1083: true, 1114: true, 1184: true, 1266: true, 1182: true, 1183: true, 1115: true, 1185: true, 1270: true,
	3908: true, 3909: true, 3910: true, 3911: true, 3912: true, 3913: true, 4533: true, 4534: true, 4535: true, 6152: true, 6153: true, 6155: true,
}

// numberOIDs are those of types whose values say nothing: numbers, truth values,
// intervals, UUIDs, void. anyOIDs are those of types that stand for others.
var (
	numberOIDs = map[uint32]bool{16: true, 20: true, 21: true, 23: true, 700: true, 701: true, 1700: true, 1186: true, 2950: true, 2278: true}
	anyOIDs    = map[uint32]bool{
		2249: true, 2276: true, 2277: true, 2283: true, 2776: true, 3500: true, 3831: true, 4537: true,
		4538: true, 5077: true, 5078: true, 5079: true, 5080: true,
	}
)

func (s *schema) holdsDate(t *userType, depth int) bool {
	if depth > 20 {
		return true
	}
	for _, part := range t.parts {
		if dateOIDs[part] {
			return true
		}
		if part >= builtinOIDs {
			if p := s.code.types[part]; p == nil || s.holdsDate(p, depth+1) {
				return true
			}
		}
	}
	return false
}

// impureExpression tells what comes of an expression that belongs to a table or
// a type: whether it depends on more than the row and the session. Besides other
// functions, it may call those of allowed.
func (s *schema) impureExpression(text string, allowed map[string]bool) spoil {
	text = "SELECT " + text
	scan := dialects.ScanText(dialects.Postgres, text)
	if scan.Kind > dialects.Bypass {
		return spoil{scan.Why, true}
	}
	calls := slices.DeleteFunc(scan.Calls, func(name string) bool { return allowed[name] && s.code.functions[name] == nil })
	why, writes := dialects.Trust(s.judge).Check(calls)
	all := spoil{why, writes}
	for _, name := range scan.Names {
		all.add(s.spoils(name))
	}
	all.add(s.hiddenIn(text, s.ofDay))
	all.add(spoil{why: scan.Why})
	return all
}

// add adds another reason.
func (s *spoil) add(other spoil) {
	if s.why == "" {
		s.why = other.why
	}
	s.writes = s.writes || other.writes
}

// systemNames are what every table has, what the system has, and types whose
// values name something in the catalogue.
var systemNames = map[string]string{
	"ctid": "a system column", "xmin": "a system column", "xmax": "a system column", "cmin": "a system column", "cmax": "a system column", "tableoid": "a system column",
	"regclass": "a name in the catalogue", "regtype": "a name in the catalogue", "regproc": "a name in the catalogue", "regprocedure": "a name in the catalogue",
	"regoper": "a name in the catalogue", "regoperator": "a name in the catalogue", "regrole": "a name in the catalogue", "regnamespace": "a name in the catalogue",
	"regconfig": "a name in the catalogue", "regdictionary": "a name in the catalogue", "regcollation": "a name in the catalogue", "aclitem": "a name in the catalogue",
	"livesql": "livesql's own tables", informationSchema: "the catalogue",
}

// spoils tells what comes of a name that stands in a statement, for whatever.
func (s *schema) spoils(name string) spoil {
	bare := strings.TrimPrefix(name, "_")
	if why := systemNames[bare]; why != "" {
		return spoil{why: "uses " + name + ", " + why}
	}
	for _, f := range s.code.functions[name] {
		if f.whole && !s.trusts(f) {
			return spoil{"may call " + name + "(), which is not known to depend on its arguments alone", !f.tame()}
		}
	}
	if spoil := s.verdicts.types[bare]; spoil.why != "" {
		spoil.why = "may use " + spoil.why
		return spoil
	}
	if strings.HasPrefix(name, "pg_") && name != "pg_catalog" && !dialects.SessionPure(dialects.Postgres, name) && (slices.Contains(s.system, name) || !s.isRelation(name)) {
		return spoil{why: "uses " + name + ", which may belong to the system"}
	}
	return spoil{}
}

// hiddenIn tells what comes of what a text does without naming it. OfDay tells
// that it may use a column that holds times of day.
func (s *schema) hiddenIn(text string, ofDay bool) spoil {
	all := s.verdicts.everything
	h := dialects.PostgresHidden(text, s.isDate)
	all.add(spoil{why: h.Clock})
	if h.Zone && (h.OfDay || ofDay) {
		all.add(spoil{why: "gives a time of day a time zone, which depends on the clock"})
	}
	for _, name := range h.Dated {
		if !s.code.dates[name] {
			all.add(spoil{why: "makes a date of " + name + ", which may be a text in a table"})
		}
	}
	for _, run := range h.Operators {
		if strings.Contains(run, "@@") {
			all.add(spoil{why: "searches texts (@@), which depends on dictionaries"})
		}
		for name, spoil := range s.verdicts.operators {
			if strings.Contains(run, name) {
				all.add(spoil)
			}
		}
	}
	for _, name := range h.Casts {
		if s.isRelation(name) {
			all.add(spoil{why: "makes a row of " + name + " of something"})
		}
	}
	return all
}

// verdicts is what the code of a schema makes of statements.
type verdicts struct {
	// everything is for all statements, whatever they say.
	everything spoil
	// types are those that must not be used, operators those that a text must
	// not hold.
	types, operators map[string]spoil
}

// implicit are the operators that the grammar uses without naming them:
// IN, BETWEEN, NULLIF, USING, LIKE, SIMILAR TO.
var implicit = map[string]bool{
	"=": true, "<>": true, "<": true, ">": true, "<=": true, ">=": true,
	"~~": true, "!~~": true, "~~*": true, "!~~*": true, "~": true, "!~": true,
}

// judgeCode judges all code, so that nothing has to be judged later, when
// statements are analysed concurrently. Code on types of its own spoils the
// types, and by that the tables that have them and the texts that name them.
func (s *schema) judgeCode() {
	v := &s.verdicts
	*v = verdicts{types: make(map[string]spoil), operators: make(map[string]spoil)}
	for _, f := range s.code.byOID {
		s.trusts(f)
	}
	ruin := func(oid uint32, why spoil) {
		if t := s.code.types[oid]; t != nil {
			t.judged, t.spoil = true, spoil{"type " + t.name + ", of which " + why.why, why.writes}
		} else {
			v.everything.add(why)
		}
	}
	for _, o := range s.code.operators {
		if s.trustsAll([]uint32{o.code}) {
			continue
		}
		why := spoil{"operator " + o.name + " is not known to depend on its operands alone", !s.tame(o.code)}
		switch {
		case !implicit[o.name]:
			v.operators[o.name] = spoil{"may use an operator: " + why.why, why.writes || v.operators[o.name].writes}
		case o.left >= builtinOIDs && o.right >= builtinOIDs:
			ruin(o.left, why)
			ruin(o.right, why)
		default:
			v.everything.add(why)
		}
	}
	for _, c := range s.code.casts {
		why := spoil{"a cast is not known to depend on its operand alone", c.code != 0 && !s.tame(c.code)}
		switch {
		case c.method == "b", c.method == "f" && s.trustsAll([]uint32{c.code}), c.method == "i" && c.context != "i":
		case c.source < builtinOIDs && (c.target < builtinOIDs || c.context == "i"):
			v.everything.add(why)
		case c.source >= builtinOIDs:
			ruin(c.source, why)
		default:
			ruin(c.target, why)
		}
	}
	for _, o := range s.code.support {
		if s.trustsAll([]uint32{o.code}) {
			continue
		}
		why := spoil{"the order of values is not known to depend on them alone", !s.tame(o.code)}
		if o.of >= builtinOIDs {
			ruin(o.of, why)
		} else {
			v.everything.add(why)
		}
	}
	for oid, t := range s.code.types {
		if spoil := s.typeSpoil(oid); spoil.why != "" {
			v.types[t.name] = spoil
		}
	}
}
