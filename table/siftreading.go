package table

import (
	"context"
	"errors"
	"slices"

	"github.com/vantage-go/live/dialects"
)

// siftReading reads rows for a sieve: their keys, and what conditions are about.
type siftReading struct {
	snapshot[told]
	mesh         *mesh
	key, columns []string
	lasting      bool
	sql          *statements
}

// reading opens a reading of what the conditions of the queries are about.
func (s *sieve) reading(ctx context.Context) (Reading[told, sifted], error) {
	s.mesh.opens()
	shot, err := openSnapshot(ctx, s.db, s.on, tell)
	if err != nil {
		return nil, err
	}
	r := &siftReading{snapshot: shot, mesh: &s.mesh, lasting: s.lasting}
	r.key, r.columns = s.mesh.columns()
	r.sql = selects(s.db.Flavor, s.table, r.key, r.columns)
	return r, nil
}

// selects returns the statements that read these columns of a table.
func selects(flavor dialects.Flavor, t dialects.Table, key, columns []string) *statements {
	s := &statements{flavor: flavor, table: quote(flavor, t.Schema) + "." + quote(flavor, t.Name), where: &where{pieces: []string{""}}}
	for _, c := range key {
		s.key = append(s.key, quote(flavor, c))
	}
	for _, c := range slices.Concat(key, columns) {
		s.columns = append(s.columns, quote(flavor, c))
	}
	return s
}

// Load is never called: a sieve does not hold the table.
func (r *siftReading) Load(context.Context, func(told, *sifted) error) error {
	return errors.New("table: a sieve does not read whole tables")
}

// Read reads what has become of rows. They come under the keys that they have,
// as the driver reads them.
func (r *siftReading) Read(ctx context.Context, keys []told, yield func(told, *sifted) error) error {
	parts := make([][]any, len(keys))
	for i := range keys {
		// An account that may not see all columns is shown a part of the key.
		if parts[i] = keys[i].columns(); len(parts[i]) != len(r.key) {
			return errAny
		}
	}
	for _, chunk := range chunks(parts) {
		if err := r.query(ctx, r.sql.some(chunk), yield); err != nil {
			return err
		}
	}
	return nil
}

func (r *siftReading) query(ctx context.Context, t *text, yield func(told, *sifted) error) (err error) {
	rows, err := r.tx.QueryContext(ctx, t.sql.String(), t.args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	names := slices.Concat(r.key, r.columns)
	read, into := make([]any, len(names)), make([]any, len(names))
	for i := range read {
		into[i] = &read[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		found := make(values, len(names))
		for i, name := range names {
			found[name] = read[i]
		}
		var key told
		for i := range r.key {
			key[i] = read[i]
			if b, ok := read[i].([]byte); ok {
				key[i] = string(b)
			}
		}
		row := &sifted{values: found}
		for _, p := range r.mesh.wanted(found) {
			made, err := p.make(rows, names)
			if err != nil {
				continue // the query finds out when it is run
			}
			if row.made == nil {
				row.made = map[projectionName]any{}
			}
			row.made[p.name] = made
		}
		if err := yield(key, row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Lasting is false where a reader keeps writers from committing.
func (r *siftReading) Lasting() bool { return r.lasting }
