package feed

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// renewFunctions renames the capture functions that were tampered with: the
// triggers that call them are out of date then, and are replaced one by one,
// under the lock of their table. To replace the function instead would miss
// what transactions wrote that are still open.
func (i *installation) renewFunctions(ctx context.Context, tx *work, s *schema) error {
	bodies := s.bodies()
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		if _, stored := s.captures[name]; !stored || bodies[name].differs(s.captures) == "" {
			continue
		}
		old := name + "_old"
		for _, taken := s.captures[old]; taken; _, taken = s.captures[old] {
			old += "_"
		}
		if err := tx.exec(ctx, fmt.Sprintf("ALTER FUNCTION livesql.%s() RENAME TO %s", name, old)); err != nil {
			return s.explain(err)
		}
	}
	return nil
}

// create runs the statements that create a function of livesql, and gives it
// to the owner of the log: it runs with the rights of its owner, who has to be
// able to write there.
func (s *schema) create(ctx context.Context, tx *work, function string, statements []string) error {
	if s.logOwner != "" {
		statements = append(statements, "ALTER FUNCTION livesql."+function+" OWNER TO "+quoteName(s.logOwner))
	}
	return s.explain(tx.exec(ctx, statements...))
}

// explain says what is needed when the role may not have functions there.
func (s *schema) explain(err error) error {
	if sqlState(err) == "42501" && s.logOwner != "" {
		return fmt.Errorf("%w: %w", s.strangers(), err)
	}
	return err
}

// strangers is the failure of a role that may not act as the owner of the log.
func (s *schema) strangers() error {
	return fmt.Errorf("the functions of livesql belong to role %s, the owner of the change log: install as that role or as a member of it", s.logOwner)
}

// dropOld drops the capture functions of earlier versions that no trigger calls
// any more.
func (i *installation) dropOld(ctx context.Context, s *schema) error {
	if len(s.oldFunctions()) == 0 {
		return nil
	}
	return i.transaction(ctx, func(ctx context.Context, tx *work) error {
		s, err := loadSchema(ctx, tx.q)
		if err != nil {
			return err
		}
		for _, name := range s.oldFunctions() {
			if err := tx.exec(ctx, "DROP FUNCTION livesql."+quoteName(name)+"()"); err != nil {
				return fmt.Errorf("postgres: dropping an old function: %w", s.explain(err))
			}
		}
		return nil
	})
}

// oldFunctions returns the names of the capture functions that no table needs
// or uses.
func (s *schema) oldFunctions() []string {
	used := make(map[string]bool)
	for _, r := range s.relations {
		for _, t := range r.triggers {
			used[t.function] = used[t.function] || t.ours()
		}
	}
	bodies := s.bodies()
	var old []string
	for _, name := range slices.Sorted(maps.Keys(s.captures)) {
		if _, needed := bodies[name]; isCapture(name) && !needed && !used[name] {
			old = append(old, name)
		}
	}
	return old
}
