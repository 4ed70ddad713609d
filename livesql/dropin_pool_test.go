package livesql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// poolPrograms use what *sql.DB itself offers.
func poolPrograms() []program {
	return []program{
		{"rows", true, func(p *proof) {
			var id int64
			p.note("no rows", p.db.QueryRow(p.q("SELECT id FROM item WHERE id = ?"), 99).Scan(&id))
			p.note("is it", errors.Is(p.db.QueryRow(p.q("SELECT id FROM item WHERE id = ?"), 99).Scan(&id), sql.ErrNoRows))
			p.note("first of many", p.db.QueryRow("SELECT id FROM item ORDER BY id").Scan(&id), id)
			rows, err := p.db.Query("SELECT id FROM item ORDER BY id")
			if p.ok("query", err) {
				p.note("scan before next", rows.Scan(&id))
				p.note("next", rows.Next(), rows.Scan(&id), id)
				p.note("closed early", rows.Close(), rows.Next(), rows.Err(), rows.Scan(&id))
			}
		}},
		{"errors", false, func(p *proof) {
			var v any
			for _, query := range []string{
				"SELECT nothing FROM item", "SELECT id FROM nowhere", "SELEC", "", "SELECT (", "SELECT id FROM item; SELECT name FROM item",
			} {
				for range 2 {
					p.note(query, p.db.QueryRow(query).Scan(&v))
				}
				stmt, err := p.db.Prepare(query)
				if p.ok("prepare", err) {
					p.note("prepared", stmt.QueryRow().Scan(&v), stmt.Close())
				}
				p.exec("exec")(p.db.Exec(query))
			}
		}},
		{"connections", false, func(p *proof) {
			ctx := p.t.Context()
			p.stats("at first")
			conn, err := p.db.Conn(ctx)
			if !p.ok("conn", err) {
				return
			}
			p.stats("borrowed")
			var id int64
			p.note("row", conn.QueryRowContext(ctx, "SELECT id FROM item WHERE id = 1").Scan(&id), id)
			p.note("ping", conn.PingContext(ctx))
			p.note("type", fmt.Sprintf("%T", p.db.Driver()))
			rows, err := conn.QueryContext(ctx, "SELECT id FROM item ORDER BY id")
			if p.ok("query", err) {
				p.note("next", rows.Next())
				p.stats("reading")
				p.note("close", rows.Close())
			}
			p.note("close", conn.Close(), conn.Close(), conn.PingContext(ctx))
			p.stats("returned")
			rows, err = p.db.Query("SELECT name FROM item ORDER BY id")
			if p.ok("query", err) {
				p.stats("open rows")
				p.note("next", rows.Next())
				p.note("close", rows.Close())
			}
			p.stats("at last")
		}},
		{"one connection", false, func(p *proof) {
			p.db.SetMaxOpenConns(1)
			defer p.db.SetMaxOpenConns(0)
			for range 2 {
				var id int64
				p.note("row", p.db.QueryRow("SELECT id FROM item WHERE id = 1").Scan(&id), id)
				tx, err := p.db.Begin()
				if p.ok("begin", err) {
					p.note("inside", tx.QueryRow("SELECT id FROM item WHERE id = 1").Scan(&id), id)
					ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Millisecond)
					p.note("none left", p.db.QueryRowContext(ctx, "SELECT id FROM item WHERE id = 1").Scan(&id))
					cancel()
					p.note("rollback", tx.Rollback())
				}
				p.stats("one")
			}
		}},
		{"no idle connections", false, func(p *proof) {
			p.db.SetMaxIdleConns(-1)
			defer p.db.SetMaxIdleConns(2)
			for range 2 {
				var name string
				p.note("row", p.db.QueryRow(p.q("SELECT name FROM item WHERE id = ?"), 1).Scan(&name), name)
				p.exec("exec")(p.db.Exec(p.q("UPDATE item SET note = ? WHERE id = ?"), "x", 1))
				stmt, err := p.db.Prepare(p.q("SELECT note FROM item WHERE id = ?"))
				if p.ok("prepare", err) {
					p.note("prepared", stmt.QueryRow(1).Scan(&name), name, stmt.Close())
				}
				p.stats("none")
			}
			// Each argument meets a connection that was not dialled yet.
			for _, arg := range []any{uint64(1), ^uint64(0), []int64{1, 2}, []string{"1"}, word("1"), sql.NullInt64{Int64: 1, Valid: true}, money{100}, &[]int{1}[0], sql.Named("x", 1), struct{}{}} {
				for _, query := range []string{"SELECT id FROM item WHERE id = ?", "SELECT id FROM item WHERE id = ANY(?) ORDER BY id"} {
					var id int64
					p.note(fmt.Sprintf("%T", arg), address(p.db.QueryRow(p.q(query), arg).Scan(&id)), id)
				}
			}
		}},
		{"contexts", false, func(p *proof) {
			done, cancel := context.WithCancel(p.t.Context())
			cancel()
			var id int64
			const query = "SELECT id FROM item ORDER BY id"
			p.note("ping", p.db.Ping(), p.db.PingContext(done))
			p.note("read", p.db.QueryRow(query).Scan(&id), id)
			p.note("cancelled", p.db.QueryRowContext(done, query).Scan(&id))
			stmt, err := p.db.Prepare(query)
			if p.ok("prepare", err) {
				p.note("prepared", stmt.QueryRowContext(p.t.Context()).Scan(&id), stmt.QueryRowContext(done).Scan(&id), stmt.Close())
			}
			_, err = p.db.ExecContext(done, "DELETE FROM item")
			p.note("exec", err)
			_, err = p.db.BeginTx(done, nil)
			p.note("begin", err)

			// Cancelled while the rows are read.
			ctx, cancel := context.WithCancel(p.t.Context())
			rows, err := p.db.QueryContext(ctx, query)
			if p.ok("query", err) {
				p.note("next", rows.Next())
				cancel()
				for rows.Err() == nil { // database/sql closes the rows in its own time
					runtime.Gosched()
				}
				p.note("interrupted", rows.Next(), rows.Err())
				_ = rows.Close() // whoever closes them first, has the error
			}
			cancel()

			// Cancelled within a transaction.
			ctx, cancel = context.WithCancel(p.t.Context())
			tx, err := p.db.BeginTx(ctx, nil)
			if p.ok("begin", err) {
				_, err = tx.Exec("DELETE FROM item")
				p.ok("delete", err)
				cancel()
				err = tx.Commit() // database/sql may have rolled back before
				p.note("commit", errors.Is(err, context.Canceled) || errors.Is(err, sql.ErrTxDone))
			}
			cancel()
			p.note("rolled back", p.db.QueryRow(query).Scan(&id), id)

			// Cancelled while the database works.
			ctx, cancel = context.WithTimeout(p.t.Context(), 50*time.Millisecond)
			err = p.db.QueryRowContext(ctx, p.engine.slow).Scan(&id)
			cancel()
			p.note("interrupted", err != nil)
			p.note("still there", p.db.QueryRow(query).Scan(&id), id)
		}},
		{"isolation", false, func(p *proof) {
			for _, opts := range []*sql.TxOptions{
				{ReadOnly: true},
				{Isolation: sql.LevelSerializable},
				{Isolation: sql.LevelReadCommitted, ReadOnly: true},
				{Isolation: sql.LevelSnapshot},
				{Isolation: sql.LevelLinearizable},
			} {
				tx, err := p.db.BeginTx(p.t.Context(), opts)
				if !p.ok("begin", err) {
					continue
				}
				var id int64
				p.note("read", tx.QueryRow("SELECT id FROM item WHERE id = 1").Scan(&id), id)
				_, err = tx.Exec("UPDATE item SET note = 'y' WHERE id = 1")
				p.note("write", err)
				p.note("rollback", tx.Rollback())
			}
		}},
	}
}

// stats notes what the pool tells of itself. A connection that was discarded
// is counted at another time by each run, so only what is open counts.
func (p *proof) stats(what string) {
	s := p.db.Stats()
	p.note(what, s.MaxOpenConnections, s.OpenConnections, s.InUse, s.Idle)
}
