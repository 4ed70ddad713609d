package pitfalls

import (
	"strings"
	"testing"

	"github.com/vantage-go/live/internal/mutate"
)

// edit is a [mutate.Edit].
type edit struct{ File, Old, New string }

// broken is one way to break what keeps the cache right. $ stands for whether
// it is broken; see [mutate.Variant].
type broken struct {
	name string
	// pitfalls are those whose tests must fail on SQLite, by the starts of their
	// names.
	pitfalls []string
	edits    []edit
}

// harmless variants must pass: what they take away is only for speed.
const harmless = "harmless: "

var brokenVariants = []broken{
	{"a ticket that is taken when the rows are there", []string{"P01"}, []edit{{
		"cache/fill.go", "	landed := false\n",
		"	landed := false\n	if $ {\n		c.core.Abort(f.flight.ticket)\n		f.flight.ticket = c.core.Begin(f.flight.key.statement.tables, c.now())\n	}\n",
	}}},
	{"tickets that no change poisons", []string{"P01", "P15"}, []edit{{
		"cache/core/core.go", "		d.ticket.poisoned.Store(true)\n", "		d.ticket.poisoned.Store(!$)\n",
	}}},
	{"invalidation before the database has executed the write", []string{"P02"}, []edit{{
		"driver/conn.go", "	defer sent.report(ctx)\n", "	if $ {\n		sent.end(nil, false)\n		sent.report(ctx)\n	} else {\n		defer sent.report(ctx)\n	}\n",
	}}},
	{"an unknown outcome taken for a rollback", []string{"P03"}, []edit{{
		"cache/session.go", "	case driver.Unknown:\n", "	case driver.Unknown:\n		if $ {\n			s.tx.end()\n			return\n		}\n",
	}}},
	{"changes of others not applied", []string{"P04", "P12", "P58"}, []edit{{
		"cache/cache.go", "if len(b.Changes) > 0 {", "if len(b.Changes) > 0 && !$ {",
	}}},
	{"entries without registrations", []string{"P12"}, []edit{{
		"cache/core/core.go", "	c.index.register(n, t.deps)\n", "	if !$ {\n		c.index.register(n, t.deps)\n	}\n",
	}}},
	{"waiting for whatever read is under way", []string{"P13"}, []edit{
		{"cache/fill.go", " || !c.core.Joinable(f.ticket, c.now())", " || !c.core.Joinable(f.ticket, c.now()) && !$"},
		{"cache/fill.go", "e != nil && c.core.Alive(e.core) && c.core.Valid(c.now())", "e != nil && ($ || c.core.Alive(e.core) && c.core.Valid(c.now()))"},
		{
			"cache/fill.go", "	if !ok {\n		f.abandon(Outdated)\n",
			"	if !ok && $ {\n		fl.entry.set, fl.entry.shape, _ = set.Pack(fl.key.rest, &fl.key.statement.shapes)\n		c.core.Abort(fl.ticket)\n		c.flights.land(f.hash, fl)\n		return\n	}\n	if !ok {\n		f.abandon(Outdated)\n",
		},
	}},
	{"transactions that read the cache and fill it", []string{"P16", "P17", "P18"}, []edit{
		{"cache/session.go", "	case s.tx.open():\n		return InTransaction", "	case s.tx.open() && !$:\n		return InTransaction"},
		{
			"cache/session.go", "return !s.tx.open() && s.taint == \"\" && !s.raw &&",
			"return (!s.tx.open() || $) && (s.taint == \"\" && !s.raw || broken(\"changed sessions that read the cache and fill it\")) &&",
		},
	}},
	{"commits that throw nothing out", []string{"P18", "P19"}, []edit{{
		"cache/session.go", "	case driver.Committed:\n		s.cache.invalidate(s.tx.end())\n", "	case driver.Committed:\n		if e := s.tx.end(); !$ {\n			s.cache.invalidate(e)\n		}\n",
	}}},
	{"transactions followed through the API only", []string{"P20"}, []edit{{
		"cache/transaction.go", "		t.begin(byText)\n	case dialects.Commits:\n", "		if !$ {\n			t.begin(byText)\n		}\n	case dialects.Commits:\n",
	}}},
	{"queries that never write", []string{"P26", "P27"}, []edit{{
		"cache/session.go", "		if stmt.inert() {\n", "		if stmt.inert() || $ {\n",
	}}},
	{"changed sessions that read the cache and fill it", []string{"P42", "P45"}, []edit{{
		"cache/session.go", "	case s.taint != \"\" || s.raw:\n", "	case (s.taint != \"\" || s.raw) && !$:\n",
	}}},
	{"an inner connection that nobody notices", []string{"P47"}, []edit{{
		"cache/session.go", "	s.raw = true\n", "	if $ {\n		return\n	}\n	s.raw = true\n",
	}}},
	{"tables kept although they must not be", []string{"P49"}, []edit{{
		"cache/statement.go", "		if c.config.Deny(t) {\n", "		if c.config.Deny(t) && !$ {\n",
	}}},
	{"tables behind views forgotten", []string{"P34", "P52"}, []edit{{
		"dialects/sqlite/analyze.go", "		o.touch(o.reads, arg1, schema)\n", "		if inside == \"\" || !$ {\n			o.touch(o.reads, arg1, schema)\n		}\n",
	}}},
	{"cascades forgotten", []string{"P58"}, []edit{{
		"dialects/sqlite/analyze.go", `"foreign_keys = 1", `, `"foreign_keys = " + map[bool]string{true: "0", false: "1"}[$], `,
	}}},
	{"no lease", []string{"P73"}, []edit{
		{"cache/core/core.go", "return start != nil && now.Fresh(*start, c.duration)", "return start != nil && (now.Fresh(*start, c.duration) || $)"},
		{"cache/core/core.go", "func (c *Core) Suspend() { c.lease.Store(nil) }", "func (c *Core) Suspend() {\n	if !$ {\n		c.lease.Store(nil)\n	}\n}"},
	}},
	{"bytes of the entry handed out", []string{"P77"}, []edit{{
		"internal/rowset/replay.go", "*b = p.copy(text)\n", "*b = p.copy(text)\n			if $ {\n				*b = unsafe.Slice(unsafe.StringData(text), len(text))\n			}\n",
	}, {
		"internal/rowset/replay.go", "r.bytes = r.copy[:n:n]\n", "r.bytes = r.copy[:n:n]\n		if $ {\n			r.bytes = unsafe.Slice((*byte)(r.data.at(int(w>>32))), n)\n		}\n",
	}}},
	{"arguments that are no part of the key", []string{"P81", "P82", "P84"}, []edit{{
		"cache/key.go", "	for i := range args {\n		nv := &args[i]\n", "	for i := range args {\n		if $ {\n			break\n		}\n		nv := &args[i]\n",
	}}},
	{"a hash taken for the key", []string{"P84"}, []edit{
		{"cache/key.go", "	return k.statement.same(statementOf(shape)) &&", "	return $ || k.statement.same(statementOf(shape)) &&"},
		{"cache/key.go", "	return hi ^ lo\n", "	if $ || broken(\"harmless: every key has one of eight hashes\") {\n		return (hi ^ lo) & 7\n	}\n	return hi ^ lo\n"},
	}},
	{"changes of rows that reach no entry of a row", []string{"P61", "P75"}, []edit{{
		"cache/core/core.go", "		for _, row := range p.keys {\n", "		for _, row := range p.keys {\n			if $ {\n				break\n			}\n",
	}}},
	{harmless + "every key has one of eight hashes", []string{"P84"}, nil},
	{"an answer for a context that has ended", []string{"P89"}, []edit{{
		"driver/report.go", "	if err := ctx.Err(); err != nil {", "	if err := ctx.Err(); err != nil && !$ {",
	}}},
	{"a schema that is not looked at", []string{"P52", "P91"}, []edit{
		{"dialects/sqlite/reader.go", "if !resumed || next.schema != last.schema {", "if !resumed || next.schema != last.schema && !$ {"},
	}},
}

// TestBroken breaks one guard at a time, and requires that the tests of the
// pitfalls behind it fail. All variants are in one build; they take turns
// ([mutate.Turn]).
func TestBroken(t *testing.T) {
	t.Parallel()
	titles := map[string]string{}
	for _, p := range all() {
		if p.cells[sqlite].test != nil {
			number, _, _ := strings.Cut(p.title(), "_")
			if titles[number] == "" {
				titles[number] = p.title() // the first of several
			}
		}
	}
	var variants []mutate.Variant
	for _, b := range brokenVariants {
		v := mutate.Variant{Name: b.name}
		for _, e := range b.edits {
			v.Edits = append(v.Edits, mutate.Edit(e))
		}
		variants = append(variants, v)
	}
	sources, err := mutate.In("../..")
	if err == nil {
		err = sources.Switch(variants)
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err := sources.Build(t.Context(), t.TempDir(), "internal/pitfalls")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range mutate.Turn(t, brokenVariants, func(b broken) string { return b.name }) {
		for _, number := range b.pitfalls {
			t.Run(b.name+"/"+number, func(t *testing.T) {
				t.Parallel()
				test := "TestPitfalls/" + titles[number] + "/sqlite"
				out, err := program.Run(t.Context(), test, b.name, "-patience=3s")
				if strings.HasPrefix(b.name, harmless) {
					if err != nil {
						t.Errorf("%s fails: %v\n%s", test, err, out)
					}
					return
				}
				// Some need a reader at the right moment.
				for tries := 4; err == nil && tries > 0; tries-- {
					out, err = program.Run(t.Context(), test, b.name, "-patience=3s")
				}
				if err := mutate.Noticed(test, out, err); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
