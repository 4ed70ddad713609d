package table

import (
	"context"
	"fmt"
)

// Apply makes changes.
func (m *Memory[K, T]) Apply(_ context.Context, changes []Mutation[K, T]) ([]Result[K, T], error) {
	if err := m.pass(BeforeApply); err != nil {
		return nil, err
	}
	results, err := m.apply(changes)
	if err != nil {
		return nil, err
	}
	if err := m.pass(AfterApply); err != nil {
		return nil, err
	}
	return results, nil
}

func (m *Memory[K, T]) apply(changes []Mutation[K, T]) ([]Result[K, T], error) {
	m.dataMu.Lock()
	defer m.dataMu.Unlock()
	tx := &MemoryTx[K, T]{m: m, edit: m.rows.Edit()}
	results := make([]Result[K, T], len(changes))
	for i := range changes {
		r, err := tx.apply(&changes[i])
		if err != nil {
			return nil, &ChangeError{Table: m.schema.table, Kind: changes[i].Kind, Index: i, Err: err}
		}
		results[i] = r
	}
	m.commit(tx, false)
	return results, nil
}

func (tx *MemoryTx[K, T]) apply(c *Mutation[K, T]) (r Result[K, T], err error) {
	m := tx.m
	old := tx.edit.Get(c.Key)
	inside := old != nil && m.within(old)
	r.Key = c.Key
	if c.Expect != nil {
		now := old
		if !inside {
			now = nil
		}
		if err := m.schema.expected(c, now); err != nil {
			return r, err
		}
	}
	switch c.Kind {
	case Create:
		return tx.create(c)
	case Insert:
		if inside {
			r.Row = old
			return r, nil
		}
		err = tx.store(&r, c.Row, old, false)
		return r, err
	case Replace:
		err = tx.store(&r, c.Row, old, inside)
		return r, err
	case Patch:
		if !inside {
			return r, ErrNotFound
		}
		row, err := m.schema.Patched(old, c.Row, c.Columns)
		if err != nil {
			return r, err
		}
		err = tx.store(&r, row, old, true)
		return r, err
	case Delete:
		if inside {
			tx.Delete(c.Key)
		}
		return r, nil
	case Clear:
		for k, row := range m.rows.All() {
			if m.within(row) {
				tx.Delete(k)
			}
		}
		return r, nil
	}
	return r, fmt.Errorf("unknown kind %d", c.Kind)
}

// store puts a row where old is or nothing is; inside, it may leave the set.
func (tx *MemoryTx[K, T]) store(r *Result[K, T], row, old *T, inside bool) error {
	if old != nil && !inside || !tx.m.within(row) && !inside {
		return ErrOutside
	}
	stored := tx.m.schema.Clone(row)
	tx.Set(*stored)
	r.Row, r.Outside = stored, !tx.m.within(row)
	return nil
}

func (tx *MemoryTx[K, T]) create(c *Mutation[K, T]) (r Result[K, T], err error) {
	m := tx.m
	row := m.schema.Clone(c.Row)
	key, err := m.schema.Key(row)
	if err != nil {
		return r, err
	}
	var zero K
	if key == zero && m.config.Number != nil {
		m.keys++
		m.config.Number(row, m.keys)
		if key, err = m.schema.Key(row); err != nil {
			return r, err
		}
	}
	if tx.edit.Get(key) != nil {
		return r, ErrExists
	}
	r.Key = key
	err = tx.store(&r, row, nil, false)
	return r, err
}
