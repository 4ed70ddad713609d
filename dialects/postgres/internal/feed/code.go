package feed

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// code is what runs when statements do, beyond what they say: functions,
// operators, casts and types that did not come with the database, and the
// expressions that belong to tables.
type code struct {
	functions map[string][]*function // by name, but for those of livesql
	byOID     map[uint32]*function
	// builtins are the names of the functions that came with the database, and
	// moody those of them that are not immutable.
	builtins map[string]bool
	moody    map[uint32]bool

	types     map[uint32]*userType
	typeNames map[string]bool
	operators []operator
	casts     []cast
	support   []support
	odd       map[uint32][]oddColumn
	// dates are the names of columns that hold dates and times: true if all
	// columns of that name do.
	dates map[string]bool
	// expressions are those of each relation.
	expressions map[uint32][]expression
}

// function is one that did not come with the database.
type function struct {
	oid          uint32
	schema, name string
	kind         string // pg_proc.prokind
	volatility   string // pg_proc.provolatile
	language     string
	extension    bool
	whole        bool // may be called as a column of a row
	settings     string
	source       string   // the first values of an aggregate
	parts        []uint32 // the functions of an aggregate
	defaults     string   // of arguments
	types        []uint32 // of arguments and result

	// judged and trusted: see code.trusts.
	judged, trusted bool
}

type userType struct {
	oid, array uint32
	name       string
	kind       string // pg_type.typtype
	// See typesSQL.
	parts, binary, code []uint32
	expressions         string
	// judged and spoil: see schema.typeSpoil.
	judged bool
	spoil  spoil
}

type operator struct {
	name        string
	code        uint32
	left, right uint32
}

type cast struct {
	source, target  uint32
	context, method string
	code            uint32
}

type support struct{ code, of uint32 }

// oddColumn is a column with a type that is looked into. Builtin is the name of
// one that came with the database.
type oddColumn struct {
	name    string
	typ     uint32
	builtin string
}

// ofDay reports whether the column holds times of day.
func (c oddColumn) ofDay() bool { return c.builtin == "time" || c.builtin == "_time" }

// expression belongs to a table. Kind is default, check or policy.
type expression struct{ kind, text string }

// builtinOIDs is where the oids of what did not come with the database begin.
const builtinOIDs = 16384

func newCode() *code {
	return &code{
		functions: make(map[string][]*function), byOID: make(map[uint32]*function), builtins: make(map[string]bool), moody: make(map[uint32]bool),
		types: make(map[uint32]*userType), typeNames: make(map[string]bool), odd: make(map[uint32][]oddColumn), dates: make(map[string]bool),
		expressions: make(map[uint32][]expression),
	}
}

func (s *schema) loadCode(ctx context.Context, q querier) error {
	c := newCode()
	s.code = c
	for _, load := range []func(context.Context, querier) error{
		s.loadFunctions, c.loadBuiltins, c.loadTypes, c.loadOperators, c.loadCasts, c.loadSupport, s.loadColumns, c.loadExpressions,
	} {
		if err := load(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (s *schema) loadFunctions(ctx context.Context, q querier) error {
	s.captures = make(map[string]storedFunction)
	if s.code == nil {
		s.code = newCode()
	}
	if err := q.QueryRowContext(ctx, logSQL).Scan(&s.logOwner, &s.member, &s.hidden); err != nil {
		return fmt.Errorf("postgres: looking for the owner of the change log: %w", err)
	}
	var all []string
	err := each(ctx, q, functionsSQL, func(scan func(...any) error) error {
		f := &function{}
		var owned, definer bool
		var sum, parts, types string
		if err := scan(&f.oid, &f.schema, &f.name, &f.kind, &f.volatility, &f.language, &f.extension, &f.whole, &owned, &definer, &f.settings, &f.source, &sum, &parts, &f.defaults, &types); err != nil {
			return err
		}
		if f.schema == "livesql" {
			s.captures[f.name] = storedFunction{owned: owned, definer: definer, settings: f.settings, language: f.language, body: f.source}
			return nil
		}
		f.parts, f.types = oids(parts), oids(types)
		s.code.functions[f.name] = append(s.code.functions[f.name], f)
		s.code.byOID[f.oid] = f
		all = append(all, f.schema, f.name, sum)
		return nil
	})
	s.rest = map[string]string{"functions": fmt.Sprintf("%q", all)}
	return err
}

func (c *code) loadBuiltins(ctx context.Context, q querier) error {
	var names, moody string
	if err := q.QueryRowContext(ctx, builtinsSQL).Scan(&names, &moody); err != nil {
		return fmt.Errorf("postgres: reading the schema: %w", err)
	}
	for _, name := range strings.Fields(names) {
		c.builtins[name] = true
	}
	for _, oid := range oids(moody) {
		c.moody[oid] = true
	}
	return nil
}

func (c *code) loadTypes(ctx context.Context, q querier) error {
	return each(ctx, q, typesSQL, func(scan func(...any) error) error {
		t := &userType{}
		var parts, binary, code string
		err := scan(&t.oid, &t.array, &t.name, &t.kind, &parts, &binary, &code, &t.expressions)
		t.parts, t.binary, t.code = oids(parts), oids(binary), oids(code)
		c.types[t.oid], c.typeNames[t.name] = t, true
		if t.array != 0 {
			c.types[t.array] = t
		}
		return err
	})
}

func (c *code) loadOperators(ctx context.Context, q querier) error {
	return each(ctx, q, operatorsSQL, func(scan func(...any) error) error {
		var o operator
		err := scan(&o.name, &o.code, &o.left, &o.right)
		c.operators = append(c.operators, o)
		return err
	})
}

func (c *code) loadCasts(ctx context.Context, q querier) error {
	return each(ctx, q, castsSQL, func(scan func(...any) error) error {
		var o cast
		err := scan(&o.source, &o.target, &o.context, &o.method, &o.code)
		c.casts = append(c.casts, o)
		return err
	})
}

func (c *code) loadSupport(ctx context.Context, q querier) error {
	return each(ctx, q, supportSQL, func(scan func(...any) error) error {
		var o support
		err := scan(&o.code, &o.of)
		c.support = append(c.support, o)
		return err
	})
}

func (s *schema) loadColumns(ctx context.Context, q querier) error {
	c := s.code
	err := each(ctx, q, oddColumnsSQL, func(scan func(...any) error) error {
		var oid uint32
		var o oddColumn
		err := scan(&oid, &o.name, &o.typ, &o.builtin)
		c.odd[oid] = append(c.odd[oid], o)
		if r := s.byOID[oid]; r != nil && o.ofDay() {
			r.ofDay, s.ofDay = true, true
		}
		return err
	})
	if err != nil {
		return err
	}
	return each(ctx, q, dateColumnsSQL, func(scan func(...any) error) error {
		var name string
		var all bool
		err := scan(&name, &all)
		c.dates[name] = all
		return err
	})
}

func (c *code) loadExpressions(ctx context.Context, q querier) error {
	return each(ctx, q, codeSQL, func(scan func(...any) error) error {
		var oid uint32
		var e expression
		err := scan(&oid, &e.kind, &e.text)
		c.expressions[oid] = append(c.expressions[oid], e)
		return err
	})
}

// oids reads an array of oids as the database writes it. It leaves out zeros.
func oids(array string) (list []uint32) {
	for _, text := range strings.FieldsFunc(array, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.ParseUint(text, 10, 32); err == nil && n != 0 {
			list = append(list, uint32(n))
		}
	}
	return list
}
