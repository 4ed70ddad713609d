package edit

import (
	"context"
	"fmt"
	"reflect"
	"sync"
)

// Memory is a [Store] in memory, for tests and examples. It numbers new rows
// whose key is zero, counts up versions, and fails as it is told to.
type Memory struct {
	// Fault, if set, is asked about each operation before it is done. A state
	// other than Done is what becomes of it; Skipped lets it be. It must not
	// be changed while the store is used.
	Fault func(op *Op) Outcome
	// Trigger, if set, may change the row that an insert or update stores. It
	// must not be changed while the store is used.
	Trigger func(t *Table, row any)

	rowsMu sync.Mutex
	rows   map[string]map[string]any // by table and key
	last   int64
	calls  int
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{rows: make(map[string]map[string]any)} }

// Put stores a row as another program would: it counts up the version.
func (m *Memory) Put(t *Table, row any) {
	m.rowsMu.Lock()
	defer m.rowsMu.Unlock()
	at := address(t.keyParts(row))
	m.store(t, at, t.plan.Clone(row), m.table(t)[at])
}

// Drop deletes a row as another program would.
func (m *Memory) Drop(t *Table, key ...any) {
	m.rowsMu.Lock()
	defer m.rowsMu.Unlock()
	delete(m.table(t), address(key))
}

// Peek returns a row for a Fault, while the store waits for it.
func (m *Memory) Peek(t *Table, key ...any) any { return m.table(t)[address(key)] }

// Batches returns how often Apply was called.
func (m *Memory) Batches() int {
	m.rowsMu.Lock()
	defer m.rowsMu.Unlock()
	return m.calls
}

// Read implements [Store].
func (m *Memory) Read(ctx context.Context, t *Table, key []any) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.rowsMu.Lock()
	defer m.rowsMu.Unlock()
	row, ok := m.table(t)[address(key)]
	if !ok {
		return nil, nil
	}
	return t.plan.Clone(row), nil
}

// Apply implements [Store].
func (m *Memory) Apply(ctx context.Context, ops []*Op) []Outcome {
	outcomes := make([]Outcome, len(ops))
	m.rowsMu.Lock()
	defer m.rowsMu.Unlock()
	m.calls++
	before := make(map[uint64]map[*Op]any) // rows of groups, to be put back
	broken := make(map[uint64]bool)
	for i, op := range ops {
		if err := ctx.Err(); err != nil {
			outcomes[i] = Outcome{State: Transient, Err: err}
			continue
		}
		if op.Group != 0 {
			if before[op.Group] == nil {
				before[op.Group] = make(map[*Op]any)
			}
			before[op.Group][op] = m.table(op.Table)[address(op.Key())]
		}
		outcomes[i] = m.apply(op)
		if outcomes[i].State == Done {
			m.fill(op, ops, outcomes[i].Row)
		} else if op.Group != 0 {
			broken[op.Group] = true
		}
	}
	for i, op := range ops {
		if !broken[op.Group] || outcomes[i].State != Done {
			continue
		}
		at := address(op.Key())
		if row := outcomes[i].Row; op.Kind == Insert {
			at = address(op.Table.keyParts(row))
		}
		if old := before[op.Group][op]; old != nil {
			m.table(op.Table)[at] = old
		} else {
			delete(m.table(op.Table), at)
		}
		outcomes[i] = Outcome{State: Failed, Err: fmt.Errorf("%w: of the same group", ErrDependency)}
	}
	return outcomes
}

// fill gives children the key of the parent that was inserted.
func (m *Memory) fill(parent *Op, ops []*Op, row any) {
	for _, op := range ops {
		for _, l := range op.Links {
			if l.Parent == parent {
				_ = op.Fill(parent, row)
			}
		}
	}
}

func (m *Memory) apply(op *Op) Outcome {
	t := op.Table
	if m.Fault != nil {
		if o := m.Fault(op); o.State != Skipped {
			if o.State == Unknown && o.Err == nil { // done, and the answer lost
				m.apply1(op)
			}
			return o
		}
	}
	_ = t
	return m.apply1(op)
}

func (m *Memory) apply1(op *Op) Outcome {
	t := op.Table
	rows := m.table(t)
	if op.Kind == Insert {
		return m.insert(op)
	}
	at := address(op.Key())
	current, ok := rows[at]
	if !ok {
		return Outcome{State: Absent}
	}
	if !m.asExpected(op, current) {
		if !op.Rebase(t.plan.Clone(current)) {
			if op.Refused() {
				return Outcome{State: Conflicting, Row: t.plan.Clone(current)}
			}
			return Outcome{State: Done, Row: t.plan.Clone(current)}
		}
	}
	if op.Kind == Delete {
		delete(rows, at)
		return Outcome{State: Done}
	}
	row := t.plan.Clone(current)
	t.plan.CopyIn(row, op.Row, op.Set)
	m.store(t, at, row, current)
	return Outcome{State: Done, Row: t.plan.Clone(row)}
}

func (m *Memory) insert(op *Op) Outcome {
	t := op.Table
	row := t.plan.New()
	t.plan.CopyIn(row, op.Row, op.Set)
	key := t.plan.Key()
	for i := range key.All() {
		if !op.Set.Has(i) {
			m.last++
			if err := t.plan.SetValue(row, i, m.last); err != nil {
				return Outcome{State: Failed, Err: err}
			}
		}
	}
	at := address(t.keyParts(row))
	if m.table(t)[at] != nil {
		return Outcome{State: Failed, Err: &ConstraintError{
			Kind: ErrDuplicate, Table: t.Name, Columns: t.plan.Names(key), Fields: t.plan.Names(key),
		}}
	}
	m.store(t, at, row, nil)
	return Outcome{State: Done, Row: t.plan.Clone(row)}
}

// asExpected reports whether a row still is what the operation was made on.
func (m *Memory) asExpected(op *Op, current any) bool {
	t := op.Table
	if i, ok := t.plan.Version(); ok {
		return t.plan.Same(current, op.Base, i)
	}
	check := op.Check()
	if _, ok := t.plan.Token(); ok {
		check = t.plan.All() // it makes no tokens, and needs none
	}
	differ := t.plan.DiffIn(current, op.Base, check)
	return differ.Empty()
}

// store stores a row, and counts its version up from that of the old one.
func (m *Memory) store(t *Table, at string, row, old any) {
	if m.Trigger != nil {
		m.Trigger(t, row)
	}
	if i, ok := t.plan.Version(); ok {
		version := int64(1)
		if old != nil {
			if v := number(t.plan.Value(old, i)); v.IsValid() {
				version = v.Convert(reflect.TypeFor[int64]()).Int() + 1
			}
		}
		_ = t.plan.SetValue(row, i, version)
	}
	m.table(t)[at] = row
	if key := t.keyParts(row); len(key) == 1 {
		if n := number(key[0]); n.IsValid() && n.CanInt() {
			m.last = max(m.last, n.Int())
		}
	}
}

func (m *Memory) table(t *Table) map[string]any {
	name := t.Schema + "." + t.Name
	if m.rows[name] == nil {
		m.rows[name] = make(map[string]any)
	}
	return m.rows[name]
}

// address names a row within its table. Numbers of different types are one.
func address(key []any) string { return fmt.Sprint(key...) }
