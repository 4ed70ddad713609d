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
	sieve   *sieve
	taker   *siftTaker
	key     []string
	columns []string // with those of the key
	lasting bool
	sql     *statements
}

// reading opens a reading of what the conditions of the queries are about.
func (s *sieve) reading(ctx context.Context) (Reading[told, sifted], error) {
	t := s.opens().(*siftTaker)
	s.number = t.number
	shot, err := openSnapshot(ctx, s.db, s.on, tell)
	if err != nil {
		return nil, err
	}
	r := &siftReading{snapshot: shot, sieve: s, taker: t, lasting: s.lasting.Load()}
	t.needs(nil, func(c string) { r.columns = append(r.columns, c) })
	r.key = t.key
	r.sql = selects(s.db.Flavor, s.table, r.key, r.columns[len(r.key):])
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
		err := eachRow(ctx, r.tx, r.sql.some(chunk), r.columns, 0, func(row *rawRow, _ []bool) error {
			return yield(r.taker.sift(row))
		})
		if err != nil {
			r.sieve.seat.Load().failed(err)
			return err
		}
	}
	return nil
}

// Close ends the transaction.
func (r *siftReading) Close() error {
	r.sieve.seat.Load().hasRead()
	return r.snapshot.Close()
}

// Lasting is false where a reader keeps writers from committing.
func (r *siftReading) Lasting() bool { return r.lasting }

// opens is called before a reading is opened, be it the sieve's own or one for
// others, too.
func (s *sieve) opens() taker { return &siftTaker{mesh: &s.mesh, number: s.mesh.opens()} }

// worth is how many rows it may read.
func (s *sieve) worth() int { return s.mesh.worth() }

// beyond reports whether running all queries is less work than to read so many
// rows, unless others read them anyway.
func (s *sieve) beyond(rows int) bool {
	own := s.mesh.worth()
	return rows > own && rows > s.seat.Load().worth(own)
}

// siftTaker takes the rows of a reading for a sieve.
type siftTaker struct {
	mesh   *mesh
	number uint64
	key    []string
	rows   map[told]*sifted
}

// needs returns no condition: a sieve looks at all rows.
func (t *siftTaker) needs(_ func() *ground, add func(column string)) *where {
	key, others := t.mesh.columns()
	for _, c := range slices.Concat(key, others) {
		add(c)
	}
	t.key = key
	return nil
}

func (t *siftTaker) take(row *rawRow) {
	if t.rows == nil {
		t.rows = map[told]*sifted{}
	}
	k, one := t.sift(row)
	t.rows[k] = one
}

// sift makes what queries want of a row. It comes under the key that it has, as the
// driver reads it.
func (t *siftTaker) sift(row *rawRow) (key told, one *sifted) {
	for i, c := range t.key {
		key[i] = row.values[c]
		if b, ok := key[i].([]byte); ok {
			key[i] = string(b)
		}
	}
	one = &sifted{values: row.values}
	for _, p := range t.mesh.wanted(t.number, row.values) {
		made, err := row.project(p)
		if err != nil {
			continue // the query finds out when it is run
		}
		if one.made == nil {
			one.made = map[projectionName]any{}
		}
		one.made[p.name] = made
	}
	return key, one
}

// readTogether reads the rows of a round with the live tables of the table.
func (s *sieve) readTogether(r round[told]) (map[told]*sifted, error) {
	seat := s.seat.Load()
	if !seat.joins() {
		return nil, errAlone
	}
	a := asked{keys: make(map[told]struct{}, len(r.keys)), position: r.position, told: r.told, mark: r.mark}
	for k := range r.keys {
		plain, ok := plainKey(k.columns()...)
		if !ok {
			return nil, errAlone
		}
		a.keys[plain] = struct{}{}
	}
	f, t, err := seat.read(s.ctx, a)
	if err != nil {
		return nil, err
	}
	keys, whole := concerns(s.on, tell, f.delta.Reset, f.delta.Changes)
	taken := t.(*siftTaker)
	switch {
	case whole || f.many:
		return nil, errAny
	case !slices.Equal(taken.key, seat.rereads.key):
		return nil, errAlone
	}
	found := make(map[told]*sifted, len(r.keys)+len(keys))
	for k := range r.keys {
		found[k] = nil
	}
	for _, k := range keys {
		found[k] = nil
	}
	for k, row := range taken.rows {
		found[k] = row
	}
	s.number = taken.number
	return found, nil
}
