package cache

import (
	sqldriver "database/sql/driver"
	"slices"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// narrow returns tables, those that have pins narrowed to the rows with these
// keys. A table whose keys cannot be told from the arguments stays whole.
func narrow(tables []dialects.Table, pins []dialects.Pin, args []sqldriver.NamedValue, m *few) []core.Rows {
	rows := m.rows[:0]
	for _, t := range tables {
		rows = append(rows, core.Rows{Table: t})
	}
	unused := m.keys[:0]
	for i := range rows {
		r := &rows[i]
		for p := range pins {
			if pins[p].Table != r.Table {
				continue
			}
			if r.Keys == nil {
				r.Keys, unused = unused, nil
			}
			var ok bool
			n := len(r.Keys)
			if r.Keys, ok = pins[p].AppendKeys(r.Keys, args); !ok || len(r.Keys) == n {
				r.Keys = nil
				break
			}
		}
	}
	return rows
}

// few is memory for rows: of one table, and one of it, which is what most
// statements depend on.
type few struct {
	rows [1]core.Rows
	keys [1]dialects.Key
}

// reads returns what the result of the statement depends on. It is good until m is
// used again.
func (st *statement) reads(args []sqldriver.NamedValue, m *few) []core.Rows {
	if len(st.analysis.Pins) == 0 {
		return st.tables
	}
	return narrow(st.analysis.Reads, st.analysis.Pins, args, m)
}

// writes returns what executing the statement may change, as far as it was
// understood.
func (st *statement) writes(args []sqldriver.NamedValue) []core.Rows {
	return narrow(st.analysis.Writes, st.analysis.Touches, args, new(few))
}

// maxTouched is how many keys of one table are collected. More than that are
// the whole table: what depends on other rows of it is then forgotten too.
const maxTouched = 1024

// touched collects changed rows by table.
type touched struct{ rows []core.Rows }

// of returns what was collected of a table.
func (t *touched) of(table dialects.Table) (r *core.Rows, found bool) {
	at := slices.IndexFunc(t.rows, func(r core.Rows) bool { return r.Table == table })
	if at >= 0 {
		return &t.rows[at], true
	}
	t.rows = append(t.rows, core.Rows{Table: table})
	return &t.rows[len(t.rows)-1], false
}

// add collects further rows of a table; no keys are all of them.
func (t *touched) add(table dialects.Table, keys ...dialects.Key) {
	r, found := t.of(table)
	switch {
	case found && len(r.Keys) == 0: // all of them already
	case len(keys) == 0 || len(r.Keys)+len(keys) > maxTouched:
		r.Keys = nil
	default:
		r.Keys = append(r.Keys, keys...)
	}
}

// changed returns the rows that a batch of the feed tells of. A change without a
// key that is known exactly is one of any row.
func changed(changes []listen.Change) []core.Rows {
	// The keys of the feed are not capped: looking them up is cheaper than
	// forgetting a table that a long batch touches.
	var rows []core.Rows
	at := make(map[dialects.Table]int, 4)
	last := -1
	for i := range changes {
		c := &changes[i]
		if last < 0 || rows[last].Table != c.Table {
			n, found := at[c.Table]
			if !found {
				n = len(rows)
				at[c.Table] = n
				rows = append(rows, core.Rows{Table: c.Table, Keys: []dialects.Key{}})
			}
			last = n
		}
		r := &rows[last]
		if r.Keys == nil {
			continue // the whole table already
		}
		if key, ok := keyOf(c); ok {
			r.Keys = append(r.Keys, key)
		} else {
			r.Keys = nil
		}
	}
	return rows
}

func keyOf(c *listen.Change) (dialects.Key, bool) {
	if c.Op == listen.Whole || c.Key == nil {
		return "", false
	}
	return dialects.KeyOf(c.Key)
}
