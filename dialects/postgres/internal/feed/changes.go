package feed

import (
	"encoding/json"
	"fmt"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// maxTableKeys is the most keys of one table in one delta. Beyond it the table is
// marked as a whole: to look so many up costs the consumers more than to read
// the table again, and the feed must not hold any number of keys. At 10,000
// row changes a second it leaves room for a feed that is seconds behind.
const maxTableKeys = 20_000

// collector gathers the changes of one delta.
type collector struct {
	schema *schema
	tables map[dialects.Table]*changed
	order  []*changed
	// unknown reports that a row was of a relation that the schema lacks.
	unknown bool
}

// changed is what changed in one table.
type changed struct {
	table   dialects.Table
	whole   bool
	changes []listen.Change
	seen    map[seenKey]struct{}
}

// seenKey is a key as the log writes it: equal keys are written alike.
type seenKey struct {
	op   listen.Op
	text string
}

func newCollector(s *schema) *collector {
	return &collector{schema: s, tables: make(map[dialects.Table]*changed)}
}

// add adds a row of the log. What it cannot understand marks the whole table.
func (c *collector) add(row logRow) {
	r := c.schema.relation(row.rel)
	if r == nil {
		// It was created since the schema was read, or is gone.
		c.unknown = true
		return
	}
	own := c.of(r.table)
	keys, err := row.elements(r)
	if err != nil {
		keys = nil
	}
	var values []any
	for _, key := range keys {
		value, err := decodeKey(r.keys, key)
		if err != nil {
			values = nil
			break
		}
		values = append(values, value)
	}
	if len(values) == 0 {
		own.mark()
		for _, t := range r.relatives {
			c.mark(t)
		}
		return
	}
	own.add(row.op, keys, values)
	for i, t := range r.relatives {
		if r.keyed[i] {
			c.of(t).add(row.op, keys, values)
		} else {
			c.mark(t)
		}
	}
}

// elements splits the keys of the row, none for a mark on the whole table.
func (row logRow) elements(r *relation) ([]json.RawMessage, error) {
	switch row.op {
	case listen.Insert, listen.Update, listen.Delete:
	default:
		return nil, nil
	}
	if row.keys == "" || len(r.keys) == 0 {
		return nil, nil
	}
	var keys []json.RawMessage
	if err := json.Unmarshal([]byte(row.keys), &keys); err != nil {
		return nil, fmt.Errorf("postgres: the keys in the change log cannot be read: %w", err)
	}
	return keys, nil
}

// decodeKey returns the value of one key: that of its column, or a list if it
// has several.
func decodeKey(kinds []keyKind, key json.RawMessage) (any, error) {
	if len(kinds) == 1 {
		return kinds[0].decode(key)
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(key, &parts); err != nil {
		return nil, fmt.Errorf("postgres: a key in the change log cannot be read: %w", err)
	}
	if len(parts) != len(kinds) {
		return nil, fmt.Errorf("postgres: a key in the change log has %d columns instead of %d", len(parts), len(kinds))
	}
	values := make([]any, len(parts))
	for i, part := range parts {
		var err error
		if values[i], err = kinds[i].decode(part); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// mark marks a table as a whole.
func (c *collector) mark(t dialects.Table) { c.of(t).mark() }

func (c *collector) of(t dialects.Table) *changed {
	w := c.tables[t]
	if w == nil {
		w = &changed{table: t, seen: make(map[seenKey]struct{})}
		c.tables[t] = w
		c.order = append(c.order, w)
	}
	return w
}

func (w *changed) mark() {
	w.whole = true
	w.changes, w.seen = nil, nil
}

// add adds keys. One that changed many times in the same way comes once.
func (w *changed) add(op listen.Op, keys []json.RawMessage, values []any) {
	if w.whole {
		return
	}
	for i, key := range keys {
		k := seenKey{op, string(key)}
		if _, seen := w.seen[k]; seen {
			continue
		}
		w.seen[k] = struct{}{}
		w.changes = append(w.changes, listen.Change{Table: w.table, Op: op, Key: values[i]})
	}
	if len(w.changes) > maxTableKeys {
		w.mark()
	}
}

// changes returns everything that was gathered.
func (c *collector) changes() []listen.Change {
	var all []listen.Change
	for _, w := range c.order {
		if w.whole {
			all = append(all, listen.Change{Table: w.table, Op: listen.Whole})
			continue
		}
		all = append(all, w.changes...)
	}
	return all
}
