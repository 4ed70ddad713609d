package livesql_test

import (
	"bytes"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"
)

// money has the types of both sides: a value as the database holds it, and
// whatever comes from there.
type money struct{ Cents int64 } //nolint:recvcheck // as Scanner and Valuer want it

var (
	_ sql.Scanner      = (*money)(nil)
	_ sqldriver.Valuer = money{}
)

func (m *money) Scan(v any) error {
	switch v := v.(type) {
	case float64:
		m.Cents = int64(v*100 + 0.5)
		return nil
	case []byte, string, int64:
		return fmt.Errorf("money is not made of %T", v)
	case nil:
		return errors.New("no money")
	}
	return fmt.Errorf("unknown %T", v)
}

func (m money) Value() (sqldriver.Value, error) {
	if m.Cents < 0 {
		return nil, errors.New("no debts")
	}
	return float64(m.Cents) / 100, nil
}

// dynamic keeps what it is given.
type dynamic struct{ Got any }

func (d *dynamic) Scan(v any) error {
	if b, ok := v.([]byte); ok {
		v = bytes.Clone(b)
	}
	d.Got = v
	return nil
}

// valuePrograms look at values on their way in and out.
func valuePrograms() []program {
	const columns = "id, name, price, made, data, flag, note"
	return []program{
		{"values to any", true, func(p *proof) {
			rows, err := p.db.Query("SELECT " + columns + " FROM item ORDER BY id")
			if !p.ok("query", err) {
				return
			}
			for rows.Next() {
				var v [7]any
				p.ok("scan", rows.Scan(&v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6]))
				p.note("row", v[:]...)
				var d [7]dynamic
				p.ok("scanners", rows.Scan(&d[0], &d[1], &d[2], &d[3], &d[4], &d[5], &d[6]))
				p.note("scanners", d[0], d[1], d[2], d[3], d[4], d[5], d[6])
			}
			p.note("end", rows.Err(), rows.Close())
		}},
		{"values to generics", true, func(p *proof) {
			rows, err := p.db.Query("SELECT price, made, flag, note, id FROM item ORDER BY id")
			if !p.ok("query", err) {
				return
			}
			for rows.Next() {
				var (
					price sql.Null[float64]
					made  sql.Null[time.Time]
					flag  sql.Null[bool]
					note  sql.Null[string]
					id    sql.Null[int32]
				)
				p.ok("scan", rows.Scan(&price, &made, &flag, &note, &id))
				p.note("row", price, made, flag, note, id)
			}
			p.note("end", rows.Err(), rows.Close())
		}},
		{"values to other types", true, func(p *proof) {
			var m money
			p.note("scanner", p.db.QueryRow("SELECT price FROM item WHERE id = 1").Scan(&m), m)
			p.note("scanner refuses", p.db.QueryRow("SELECT name FROM item WHERE id = 1").Scan(&m), m)
			p.note("scanner refuses nil", p.db.QueryRow("SELECT price FROM item WHERE id = 2").Scan(&m), m)
			var (
				n    int8
				text string
				b    []byte
				when time.Time
				ptr  *string
			)
			p.note("text of a number", p.db.QueryRow("SELECT price FROM item WHERE id = 1").Scan(&text), text)
			p.note("number of a text", p.db.QueryRow("SELECT name FROM item WHERE id = 1").Scan(&n), n)
			p.note("bytes of a text", p.db.QueryRow("SELECT name FROM item WHERE id = 3").Scan(&b), b)
			p.note("text of a time", p.db.QueryRow("SELECT made FROM item WHERE id = 1").Scan(&text), text)
			p.note("time of nil", p.db.QueryRow("SELECT made FROM item WHERE id = 3").Scan(&when), when)
			p.note("pointer", p.db.QueryRow("SELECT note FROM item WHERE id = 1").Scan(&ptr), ptr)
			p.note("pointer to nil", p.db.QueryRow("SELECT note FROM item WHERE id = 2").Scan(&ptr), ptr)
			p.note("too few", p.db.QueryRow("SELECT id, note FROM item WHERE id = 2").Scan(&n))
		}},
		{"raw bytes", true, func(p *proof) {
			for range 2 { // what is scribbled over must not be found again
				rows, err := p.db.Query("SELECT data, name, made, price FROM item ORDER BY id")
				if !p.ok("query", err) {
					return
				}
				for rows.Next() {
					var data, name, when, price sql.RawBytes
					p.ok("scan", rows.Scan(&data, &name, &when, &price))
					p.note("row", data, name, when, price)
					for _, b := range []sql.RawBytes{data, name, when, price} {
						for i := range b {
							b[i] = 'X'
						}
					}
				}
				p.note("end", rows.Err(), rows.Close())
			}
		}},
		{"column types", true, func(p *proof) {
			rows, err := p.db.Query("SELECT " + columns + ", price * 2 AS twice, upper(name) FROM item ORDER BY id")
			if !p.ok("query", err) {
				return
			}
			p.columnTypes("before", rows)
			for rows.Next() {
				p.columnTypes("row", rows)
			}
			_, err = rows.ColumnTypes()
			p.note("after", err, rows.Err(), rows.Close())
			for range 2 { // names that a program writes into are its own
				rows, err := p.db.Query("SELECT id, name FROM item")
				if p.ok("query", err) {
					names, err := rows.Columns()
					p.note("columns", names, err)
					names[0] = "scribble"
					p.note("close", rows.Close())
				}
			}
			rows, err = p.db.Query("SELECT * FROM item WHERE id = -1")
			if p.ok("empty", err) {
				p.columnTypes("empty", rows)
				p.note("close", rows.Next(), rows.Close())
			}
		}},
		{"arguments", false, func(p *proof) {
			text, n := "Rye", int64(1)
			var none *string
			for _, test := range []struct {
				column string
				arg    any
			}{
				{"id", 1},
				{"id", int8(1)},
				{"id", uint64(1)},
				{"id", &n},
				{"id", sql.NullInt64{Int64: 1, Valid: true}},
				{"id", sql.Null[int64]{}},
				{"id", "1"},
				{"name", "Rye"},
				{"name", &text},
				{"name", none},
				{"name", []byte("Rye")},
				{"name", sql.RawBytes("Rye")},
				{"price", 2.5},
				{"price", float32(2.5)},
				{"price", money{250}},
				{"price", money{-1}},
				{"made", made},
				{"made", made.In(time.FixedZone("east", 3600))},
				{"data", []byte{0, 1, 255}},
				{"data", []byte(nil)},
				{"flag", true},
				{"note", nil},
				{"id", struct{}{}},
				{"id", make(chan int)},
			} {
				query := p.q("SELECT id, " + test.column + " FROM item WHERE " + test.column + " = ?")
				for range 2 {
					var id int64
					var v any
					err := p.db.QueryRow(query, test.arg).Scan(&id, &v)
					p.note(fmt.Sprintf("%s = %T", test.column, test.arg), id, v, address(err))
				}
			}
			p.note("too few", p.db.QueryRow(p.q("SELECT id FROM item WHERE id = ?")).Scan(&n))
			p.note("too many", p.db.QueryRow("SELECT id FROM item", 1).Scan(&n))
			p.note("named", p.db.QueryRow("SELECT id FROM item WHERE id = :id", sql.Named("id", 2)).Scan(&n), n)
		}},
		{"several results", false, func(p *proof) {
			if p.engine.two == "" {
				return
			}
			rows, err := p.db.Query(p.engine.two)
			if !p.ok("query", err) {
				return
			}
			for {
				p.columnTypes("set", rows)
				for rows.Next() {
					names, err := rows.Columns()
					p.ok("columns", err)
					row := make([]any, len(names))
					for i := range row {
						row[i] = new(any)
					}
					p.ok("scan", rows.Scan(row...))
					p.note("row", row...)
				}
				if !rows.NextResultSet() {
					break
				}
			}
			p.note("end", rows.Err(), rows.Close())
		}},
	}
}

// address takes out of an error what is different in each run.
func address(err error) any {
	if err == nil {
		return nil
	}
	if text, _, found := strings.Cut(err.Error(), "0x"); found {
		return "an error with an address: " + text
	}
	return err
}
