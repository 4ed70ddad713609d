package edit

import (
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/vantage-go/live/internal/rowmap"
)

// draft is a save on its way to the outbox: what of it may change under the
// writer's mutex is copied.
type draft struct {
	part  *part
	entry entry
	base  any
	row   any
	links map[int]any
	again bool // the outbox has the save, but not as it is now
}

// entry is a save in an outbox. Values are cells, by column.
type entry struct {
	Schema  string            `json:"schema,omitempty"`
	Table   string            `json:"table"`
	Kind    OpKind            `json:"kind"`
	Base    map[string]cell   `json:"base,omitempty"` // the row that the change was made on
	Row     map[string]cell   `json:"row,omitempty"`  // the row with the changes
	Set     []string          `json:"set,omitempty"`
	Session string            `json:"session"`
	After   string            `json:"after,omitempty"`  // the save that makes the record
	Behind  []string          `json:"behind,omitempty"` // saves of the record that had not ended when this one was accepted
	Group   string            `json:"group,omitempty"`
	Links   map[string]string `json:"links,omitempty"` // columns that take the key which another save makes
	Queued  time.Time         `json:"queued"`
	Strict  bool              `json:"strict,omitempty"` // a change of others is a conflict even if it is the same: Editor.Update

	id string
}

// newDraft takes down a save. The writer's mutex is held.
func (w *Writer) newDraft(p *part) draft {
	d := draft{part: p, base: p.base, row: p.typed}
	d.entry = entry{
		Schema: p.table().Schema, Table: p.table().Name, Kind: p.kind, After: p.named.after, Queued: p.named.since,
		Set: p.table().plan.Names(p.set), Session: p.box.name, Strict: p.policy.kind == strictly,
	}
	if r := p.box.record; r.inflight != nil {
		d.entry.Behind = appendNames(d.entry.Behind, r.inflight.taken, p)
	}
	if r := p.box.record; r.next != nil {
		d.entry.Behind = appendNames(d.entry.Behind, r.next.parts, p)
	}
	if g := p.group(); g != nil {
		d.entry.Group = w.nonce + "-" + strconv.FormatUint(g.id, 36)
	}
	for _, l := range p.links() {
		name := p.table().plan.Fields()[l.column].Name
		if l.parent.created && l.parent.record.base != nil {
			if key := l.parent.table.keyParts(l.parent.record.base); len(key) == 1 {
				if d.links == nil {
					d.links = make(map[int]any)
				}
				d.links[l.column] = key[0]
				d.entry.Set = append(d.entry.Set, name)
				continue
			}
		}
		if d.entry.Links == nil {
			d.entry.Links = make(map[string]string)
		}
		d.entry.Links[name] = l.parent.made
	}
	return d
}

// appendNames appends the names of saves before a save.
func appendNames(names []string, parts []*part, before *part) []string {
	for _, p := range parts {
		if p.box == before.box && p.id() == before.id() {
			break
		}
		names = append(names, p.id())
	}
	return names
}

// encode returns the entry as JSON.
func (d *draft) encode() ([]byte, error) {
	t := d.part.table()
	row := d.row
	if len(d.links) > 0 {
		row = t.plan.Clone(row)
		for i, key := range d.links {
			if err := t.plan.SetValue(row, i, key); err != nil {
				return nil, err
			}
		}
	}
	var err error
	if d.entry.Base, err = cells(t.plan, d.base); err != nil {
		return nil, err
	}
	if d.entry.Kind != Delete {
		if d.entry.Row, err = cells(t.plan, row); err != nil {
			return nil, err
		}
	}
	return json.Marshal(&d.entry)
}

// cell is a value of a column, with its type: one field is set, or none for
// NULL.
type cell struct {
	Int    *int64          `json:"i,omitempty"`
	Uint   *uint64         `json:"u,omitempty"`
	Float  string          `json:"f,omitempty"` // JSON has no NaN
	Bool   *bool           `json:"b,omitempty"`
	Text   *string         `json:"s,omitempty"`
	Bytes  *[]byte         `json:"x,omitempty"`
	Time   *time.Time      `json:"t,omitempty"`
	Raw    *[]byte         `json:"r,omitempty"` // a text that is not UTF-8, which JSON would replace
	Moment *[]byte         `json:"m,omitempty"` // a time that JSON cannot tell: its zone has seconds, or its year is out of range
	Object json.RawMessage `json:"j,omitempty"` // whatever JSON makes of it
}

// errCell is what a value is refused with that would come back as another one.
var errCell = errors.New("value cannot be kept")

// cells returns the values of a row. Each is read back, and refused unless it
// comes back as it was.
func cells(plan *rowmap.Plan, row any) (map[string]cell, error) {
	if row == nil {
		return nil, nil
	}
	all := make(map[string]cell, len(plan.Fields()))
	back := plan.New()
	for i := range plan.Fields() {
		if !plan.Has(row, i) {
			continue
		}
		f := &plan.Fields()[i]
		v := plan.Value(row, i)
		c, err := cellOf(v)
		if err == nil {
			err = c.into(plan, back, i)
		}
		if err != nil || !plan.Same(row, back, i) {
			if c.Object, err = json.Marshal(v); err == nil {
				c = cell{Object: c.Object}
				err = c.into(plan, back, i)
			}
			if err != nil || !plan.Same(row, back, i) {
				return nil, fmt.Errorf("column %s: %w: %T", f.Name, errors.Join(errCell, err), v)
			}
		}
		all[f.Name] = c
	}
	return all, nil
}

func cellOf(v any) (cell, error) {
	switch v := v.(type) {
	case nil:
		return cell{}, nil
	case time.Time:
		v = v.Round(0) // the monotonic clock is of this process
		if _, offset := v.Zone(); offset%60 != 0 || v.Year() < 0 || v.Year() > 9999 {
			b, err := v.MarshalBinary()
			return cell{Moment: &b}, err
		}
		return cell{Time: &v}, nil
	case sqldriver.Valuer:
		if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
			return cell{}, nil
		}
		held, err := v.Value()
		if err != nil {
			return cell{}, err
		}
		return cellOf(held)
	}
	r := reflect.ValueOf(v)
	switch {
	case r.Kind() == reflect.Pointer:
		if r.IsNil() {
			return cell{}, nil
		}
		return cellOf(r.Elem().Interface())
	case r.CanInt():
		n := r.Int()
		return cell{Int: &n}, nil
	case r.CanUint():
		n := r.Uint()
		return cell{Uint: &n}, nil
	case r.CanFloat():
		return cell{Float: strconv.FormatFloat(r.Float(), 'g', -1, r.Type().Bits())}, nil
	case r.Kind() == reflect.Bool:
		b := r.Bool()
		return cell{Bool: &b}, nil
	case r.Kind() == reflect.String:
		s := r.String()
		if !utf8.ValidString(s) {
			b := []byte(s)
			return cell{Raw: &b}, nil
		}
		return cell{Text: &s}, nil
	case r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8:
		if r.IsNil() {
			return cell{}, nil
		}
		b := r.Bytes()
		return cell{Bytes: &b}, nil
	}
	return cell{}, errCell
}

// value is what the cell holds.
func (c *cell) value() (any, error) {
	switch {
	case c.Int != nil:
		return *c.Int, nil
	case c.Uint != nil:
		return *c.Uint, nil
	case c.Float != "":
		return strconv.ParseFloat(c.Float, 64)
	case c.Bool != nil:
		return *c.Bool, nil
	case c.Text != nil:
		return *c.Text, nil
	case c.Bytes != nil:
		return *c.Bytes, nil
	case c.Time != nil:
		return *c.Time, nil
	case c.Raw != nil:
		return string(*c.Raw), nil
	case c.Moment != nil:
		var at time.Time
		err := at.UnmarshalBinary(*c.Moment)
		return at, err
	case c.Object != nil:
		var v any
		err := json.Unmarshal(c.Object, &v)
		return v, err
	}
	return nil, nil
}

// into writes the value into a row.
func (c *cell) into(plan *rowmap.Plan, row any, i int) error {
	if t := plan.Fields()[i].Type; c.Object != nil && t != nil {
		v := reflect.New(t)
		if err := json.Unmarshal(c.Object, v.Interface()); err != nil {
			return err
		}
		return plan.SetValue(row, i, v.Elem().Interface())
	}
	v, err := c.value()
	if err != nil {
		return err
	}
	return plan.SetValue(row, i, v)
}

// rowOf reads a row.
func rowOf(t *Table, all map[string]cell) (any, error) {
	if all == nil {
		return nil, nil
	}
	row := t.plan.New()
	for name, c := range all {
		i, ok := t.plan.Index(name)
		if !ok {
			return nil, fmt.Errorf("%w: no column %s", ErrSchemaChanged, name)
		}
		if err := c.into(t.plan, row, i); err != nil {
			return nil, fmt.Errorf("%w: column %s: %w", ErrSchemaChanged, name, err)
		}
	}
	return row, nil
}
