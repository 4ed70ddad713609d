package feed

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// storedTrigger is a trigger as the catalogue holds it.
type storedTrigger struct {
	name string
	// schema and function are the function's.
	schema, function string
	// enabled is pg_trigger.tgenabled, kind is tgtype.
	enabled string
	kind    int
	// plain: it has no arguments, columns or condition.
	plain bool
	// oldRows and newRows are the names of its transition tables.
	oldRows, newRows string
	// language and source are the function's.
	language, source string
}

// ours reports whether the trigger calls a function of livesql.
func (t storedTrigger) ours() bool { return t.schema == "livesql" }

// storedFunction is one of livesql's functions as the catalogue holds it.
type storedFunction struct {
	// owned: it belongs to the owner of the log.
	owned    bool
	definer  bool
	settings string
	language string
	body     string
}

func (s *schema) loadObjects(ctx context.Context, q querier) error {
	s.byOID, s.names = make(map[uint32]*relation), make(map[string]bool)
	for _, load := range []func(context.Context, querier) error{
		s.loadRelations, s.loadKeys, s.loadTriggers, s.loadInheritance, s.loadCascades, s.loadCode, s.loadRest,
	} {
		if err := load(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (s *schema) loadRelations(ctx context.Context, q querier) error {
	err := each(ctx, q, relationsSQL, func(scan func(...any) error) error {
		r := &relation{}
		err := scan(&r.oid, &r.table.Schema, &r.table.Name, &r.kind, &r.filenode, &r.unlogged, &r.secured,
			&r.definition, &r.view, &r.rules, &r.owner, &r.mine, &r.extension, &r.subscription)
		if err != nil {
			return err
		}
		s.relations = append(s.relations, r)
		s.byOID[r.oid], s.names[r.table.Name] = r, true
		return nil
	})
	slices.SortFunc(s.relations, func(a, b *relation) int { return a.table.Compare(b.table) })
	return err
}

func (s *schema) loadKeys(ctx context.Context, q querier) error {
	return each(ctx, q, keysSQL, func(scan func(...any) error) error {
		var oid uint32
		var c keyColumn
		if err := scan(&oid, &c.name, &c.typ, &c.builtin, &c.deterministic, &c.generated); err != nil {
			return err
		}
		if r := s.byOID[oid]; r != nil {
			r.primary = append(r.primary, c)
		}
		return nil
	})
}

func (s *schema) loadTriggers(ctx context.Context, q querier) error {
	return eachTrigger(ctx, q, 0, func(oid uint32, t storedTrigger) {
		if r := s.byOID[oid]; r != nil {
			r.triggers = append(r.triggers, t)
		}
	})
}

// eachTrigger calls f for the triggers of a relation, or of all if oid is 0.
func eachTrigger(ctx context.Context, q querier, oid uint32, f func(uint32, storedTrigger)) error {
	return each(ctx, q, triggersSQL, func(scan func(...any) error) error {
		var on uint32
		var t storedTrigger
		err := scan(&on, &t.name, &t.schema, &t.function, &t.enabled, &t.kind, &t.plain, &t.oldRows, &t.newRows, &t.language, &t.source)
		if err == nil {
			f(on, t)
		}
		return err
	}, oid)
}

func (s *schema) loadInheritance(ctx context.Context, q querier) error {
	return each(ctx, q, inheritsSQL, func(scan func(...any) error) error {
		var child, parent uint32
		if err := scan(&child, &parent); err != nil {
			return err
		}
		c, p := s.byOID[child], s.byOID[parent]
		if c == nil || p == nil {
			return nil // indexes have parents, too
		}
		c.parents, p.children = append(c.parents, p), append(p.children, c)
		c.partition = c.partition || p.kind == partitionedTable
		return nil
	})
}

func (s *schema) loadCascades(ctx context.Context, q querier) error {
	return each(ctx, q, cascadesSQL, func(scan func(...any) error) error {
		var oid uint32
		var name string
		if err := scan(&oid, &name); err != nil {
			return err
		}
		if r := s.byOID[oid]; r != nil {
			r.affects = append(r.affects, name)
		}
		return nil
	})
}

func (s *schema) loadRest(ctx context.Context, q querier) error {
	var text []byte
	if err := q.QueryRowContext(ctx, "SELECT "+restSQL).Scan(&text); err != nil {
		return fmt.Errorf("postgres: reading the schema: %w", err)
	}
	if err := json.Unmarshal(text, &s.rest); err != nil {
		return fmt.Errorf("postgres: reading the schema: %w", err)
	}
	return each(ctx, q, systemSQL, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		s.system = append(s.system, name)
		return err
	})
}
