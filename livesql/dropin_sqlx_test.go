package livesql_test

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// item is a row of the table of that name.
type item struct {
	ID    int64           `db:"id"`
	Name  string          `db:"name"`
	Price sql.NullFloat64 `db:"price"`
	Made  *time.Time      `db:"made"`
	Data  []byte          `db:"data"`
	Flag  sql.NullBool    `db:"flag"`
	Note  *string         `db:"note"`
}

// sqlxPrograms use sqlx as its users do.
func sqlxPrograms() []program {
	return []program{
		{"sqlx get", true, func(p *proof) {
			var one item
			p.ok("get", p.db.Get(&one, p.q("SELECT * FROM item WHERE id = ?"), 1))
			p.note("one", one)
			var name string
			p.ok("scalar", p.db.Get(&name, "SELECT name FROM item WHERE id = 2"))
			p.note("name", name)
			p.note("none", p.db.Get(&one, p.q("SELECT * FROM item WHERE id = ?"), 99))
			p.note("narrow", p.db.Get(&struct{ ID int64 }{}, "SELECT id, name FROM item WHERE id = 1"))
		}},
		{"sqlx select", true, func(p *proof) {
			var all []item
			p.ok("all", p.db.Select(&all, "SELECT * FROM item ORDER BY id"))
			p.note("all", all)
			var names []string
			p.ok("names", p.db.Select(&names, p.q("SELECT name FROM item WHERE id > ? ORDER BY name"), 1))
			p.note("names", names)
			query, args, err := sqlx.In("SELECT id FROM item WHERE id IN (?) AND name <> ? ORDER BY id", []int{1, 3}, "x")
			p.ok("in", err)
			var ids []int64
			p.ok("select in", p.db.Select(&ids, p.q(query), args...))
			p.note("ids", ids)
			var joined []struct {
				item
				Tag string `db:"tag"`
			}
			p.ok("join", p.db.Select(&joined, "SELECT item.*, tag.tag FROM item JOIN tag ON tag.item = item.id ORDER BY tag.tag"))
			p.note("joined", joined)
		}},
		{"sqlx named queries", true, func(p *proof) {
			for _, arg := range []any{map[string]any{"name": "Rye"}, item{Name: "Spelt"}} {
				rows, err := p.db.NamedQuery("SELECT * FROM item WHERE name = :name", arg)
				if !p.ok("named query", err) {
					continue
				}
				for rows.Next() {
					var i item
					p.ok("scan", rows.StructScan(&i))
					p.note("row", i)
				}
				p.note("end", rows.Err(), rows.Close())
			}
			stmt, err := p.db.PrepareNamed("SELECT id, name FROM item WHERE name = :name")
			if p.ok("prepare named", err) {
				var i item
				p.ok("get", stmt.Get(&i, map[string]any{"name": "Rye"}))
				p.note("row", i)
				p.note("none", stmt.Get(&i, item{Name: "none"}))
				p.note("close", stmt.Close())
			}
		}},
		{"sqlx rows", true, func(p *proof) {
			rows, err := p.db.Queryx("SELECT * FROM item ORDER BY id")
			if !p.ok("queryx", err) {
				return
			}
			for n := 0; rows.Next(); n++ {
				switch n {
				case 0:
					m := map[string]any{}
					p.ok("map", rows.MapScan(m))
					p.note("map", m)
				case 1:
					s, err := rows.SliceScan()
					p.ok("slice", err)
					p.note("slice", s)
				default:
					var i item
					p.ok("struct", rows.StructScan(&i))
					p.note("struct", i)
				}
			}
			p.note("end", rows.Err(), rows.Close())
			m := map[string]any{}
			p.ok("row map", p.db.QueryRowx(p.q("SELECT * FROM item WHERE id = ?"), 2).MapScan(m))
			p.note("row map", m)
			s, err := p.db.QueryRowx("SELECT data, flag, made FROM item WHERE id = 1").SliceScan()
			p.ok("row slice", err)
			p.note("row slice", s)
		}},
		{"sqlx prepared", true, func(p *proof) {
			stmt, err := p.db.Preparex(p.q("SELECT * FROM item WHERE id >= ? ORDER BY id"))
			if !p.ok("preparex", err) {
				return
			}
			for range 2 {
				var all []item
				p.ok("select", stmt.Select(&all, 2))
				p.note("all", all)
				var one item
				p.ok("get", stmt.Get(&one, 1))
				p.note("one", one)
			}
			var one item
			p.ok("row", stmt.QueryRowx(3).StructScan(&one))
			p.note("row", one)
			p.note("too many", stmt.Get(&one, 1, 2))
			p.note("close", stmt.Close())
		}},
		{"sqlx writes", false, func(p *proof) {
			var price float64
			read := func(what string) {
				p.note(what, p.db.Get(&price, p.q("SELECT price FROM item WHERE id = ?"), 10), price)
			}
			for range 2 {
				read("before")
				p.exec("insert")(p.db.NamedExec("INSERT INTO item (id, name, price) VALUES (:id, :name, :price)",
					item{ID: 10, Name: "Named", Price: sql.NullFloat64{Float64: 1, Valid: true}}))
				read("inserted")
				p.exec("update")(p.db.NamedExec("UPDATE item SET price = :p WHERE id = :id", map[string]any{"p": 2.5, "id": 10}))
				read("updated")
				p.exec("duplicate")(p.db.NamedExec("INSERT INTO item (id, name) VALUES (:id, :name)", item{ID: 10}))
				p.exec("batch")(p.db.NamedExec("INSERT INTO item (id, name, price) VALUES (:id, :name, :price)", []item{{ID: 11}, {ID: 12}}))
				var n int
				p.note("count", p.db.Get(&n, "SELECT count(*) FROM item"), n)
				func() {
					defer func() { p.note("panic", fmt.Sprint(recover())) }()
					p.db.MustExec("UPDATE nowhere SET x = 1")
				}()
				var id int64
				p.note("returning", p.db.Get(&id, p.q("INSERT INTO item (id, name) VALUES (?, ?) RETURNING id"), 13, "back"), id)
				p.note("count", p.db.Get(&n, "SELECT count(*) FROM item"), n)
				p.exec("delete")(p.db.Exec(p.q("DELETE FROM item WHERE id >= ?"), 10))
				read("deleted")
			}
		}},
		{"sqlx transactions", false, func(p *proof) {
			count := func(what string, q sqlx.Queryer) {
				var n int
				p.note(what, sqlx.Get(q, &n, "SELECT count(*) FROM tag"), n)
			}
			for _, commit := range []bool{true, false, true} {
				tx, err := p.db.Beginx()
				if !p.ok("begin", err) {
					return
				}
				tx.MustExec(tx.Rebind("INSERT INTO tag (item, tag) VALUES (?, ?)"), 2, "tx")
				count("inside", tx)
				p.exec("named")(tx.NamedExec("INSERT INTO tag (item, tag) VALUES (:id, :name)", item{ID: 3, Name: "named"}))
				stmt, err := tx.Preparex(tx.Rebind("SELECT tag FROM tag WHERE item = ? ORDER BY tag"))
				if p.ok("prepare", err) {
					var tags []string
					p.ok("select", stmt.Select(&tags, 3))
					p.note("tags", tags)
					p.note("close", stmt.Close())
				}
				if commit {
					p.note("commit", tx.Commit())
				} else {
					p.note("rollback", tx.Rollback())
				}
				count("after", p.db)
				p.note("over", tx.Commit())
			}
			// By text, on one connection.
			conn, err := p.db.Connx(p.t.Context())
			if !p.ok("conn", err) {
				return
			}
			for _, end := range []string{"ROLLBACK", "COMMIT"} {
				_, err := conn.ExecContext(p.t.Context(), "BEGIN")
				p.ok("begin", err)
				_, err = conn.ExecContext(p.t.Context(), "DELETE FROM tag WHERE item = 3")
				p.ok("delete", err)
				var n int
				p.note("inside", conn.GetContext(p.t.Context(), &n, "SELECT count(*) FROM tag"), n)
				_, err = conn.ExecContext(p.t.Context(), end)
				p.ok(end, err)
				p.note("same connection", conn.GetContext(p.t.Context(), &n, "SELECT count(*) FROM tag"), n)
				count("other connection", p.db)
			}
			p.note("close", conn.Close())
		}},
	}
}

// exec notes a result.
func (p *proof) exec(what string) func(sql.Result, error) {
	return func(res sql.Result, err error) {
		p.t.Helper()
		if !p.ok(what, err) {
			return
		}
		// SQLite's answer to an empty text is a nil result.
		defer func() {
			if r := recover(); r != nil {
				p.note(what+" panics", fmt.Sprint(r))
			}
		}()
		n, err := res.RowsAffected()
		p.note(what+" affected", n, err)
		id, err := res.LastInsertId()
		p.note(what+" id", id, err)
	}
}
