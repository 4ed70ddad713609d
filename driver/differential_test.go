package driver_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vantage-go/live/driver"
)

// TestIndistinguishable runs every program on every shape of driver, raw and
// wrapped in several ways, and compares what the program sees and what reaches
// the driver.
func TestIndistinguishable(t *testing.T) {
	for _, sh := range append(shapes(), newShapes...) {
		for _, p := range programs() {
			t.Run(sh.name+"/"+p.name, func(t *testing.T) {
				raw := run(t, sh.look, p, nil)
				for _, v := range variants() {
					got := run(t, sh.look, p, v.wrap)
					if d := cmp.Diff(raw.notes, got.notes); d != "" {
						t.Errorf("%s: the program sees something else (-raw +wrapped):\n%s", v.name, d)
					}
					ignore := []string{"connect"} // comes later
					if v.saves {
						ignore = append(ignore, "valid", "close")
					}
					if d := cmp.Diff(raw.log(ignore), got.log(ignore)); d != "" {
						t.Errorf("%s: something else reaches the driver (-raw +wrapped):\n%s", v.name, d)
					}
					if raw, got := raw.srv.dialled(), got.srv.dialled(); got > raw || got < raw && !v.saves {
						t.Errorf("%s: dialled %d times, raw %d times", v.name, got, raw)
					}
				}
			})
		}
	}
}

type variant struct {
	name  string
	wrap  func(c sqldriver.Connector, srv *server) sqldriver.Connector
	saves bool // connections for statements that fail before they need one
}

func variants() []variant {
	return []variant{
		{name: "lazy", wrap: func(c sqldriver.Connector, _ *server) sqldriver.Connector { return driver.Wrap(c, nil) }},
		{name: "eager", wrap: func(c sqldriver.Connector, _ *server) sqldriver.Connector {
			return driver.Wrap(c, nil, driver.Eager())
		}},
		{name: "watched", wrap: func(c sqldriver.Connector, srv *server) sqldriver.Connector {
			return driver.Wrap(c, watching(srv, true))
		}},
		{name: "twice", wrap: func(c sqldriver.Connector, _ *server) sqldriver.Connector {
			return driver.Wrap(driver.Wrap(c, nil), nil)
		}},
		{name: "taking", saves: true, wrap: func(c sqldriver.Connector, srv *server) sqldriver.Connector {
			// As a dialect says of a driver without checkers and converters.
			cn, _ := (&fakeConnector{newServer(srv.look)}).Connect(context.Background())
			st, _ := cn.Prepare("select")
			_, stmtChecks := st.(sqldriver.NamedValueChecker)
			_, converts := st.(converter)
			_, checks := cn.(sqldriver.NamedValueChecker)
			_, queries := cn.(queryer)
			_, queriesCtx := cn.(sqldriver.QueryerContext)
			takes := !checks && !stmtChecks && !converts && (queries || queriesCtx)
			return driver.Wrap(c, &recorder{srv: srv, quiet: true, takes: func(any) bool { return takes }})
		}},
	}
}

type program struct {
	name string
	run  func(w *world)
}

// world is what a program can use, and remembers what it saw.
type world struct {
	t     *testing.T
	db    *sql.DB
	srv   *server
	notes []string
}

func run(t *testing.T, l look, p program, wrap func(sqldriver.Connector, *server) sqldriver.Connector) *world {
	t.Helper()
	srv := newServer(l)
	var c sqldriver.Connector = &fakeConnector{srv}
	if wrap != nil {
		c = wrap(c, srv)
	}
	w := &world{t: t, db: sql.OpenDB(c), srv: srv}
	p.run(w)
	w.check("db close", w.db.Close())
	srv.await(t, "everything is closed", func() bool { return srv.open == 0 })
	return w
}

// log is what reached the driver, some lines left out.
func (w *world) log(without []string) []string {
	return slices.DeleteFunc(w.srv.lines(), func(l string) bool { return slices.Contains(without, l) })
}

func (w *world) note(format string, args ...any) {
	w.notes = append(w.notes, fmt.Sprintf(format, args...))
}

// check notes an error with all that a program could find out about it.
func (w *world) check(what string, err error) bool {
	w.note("%s: %v (%T; fake %t, bad %t, skip %t, canceled %t)", what, err, err, errors.Is(err, errFake),
		errors.Is(err, sqldriver.ErrBadConn), errors.Is(err, sqldriver.ErrSkip), errors.Is(err, context.Canceled))
	return err == nil
}

// rows notes all that rows have to tell.
func (w *world) rows(what string, rows *sql.Rows, err error) {
	if !w.check(what, err) {
		return
	}
	defer func() { w.check(what+" close", rows.Close()) }()
	for {
		types, err := rows.ColumnTypes()
		w.check(what+" types", err)
		for _, ct := range types {
			length, hasLength := ct.Length()
			precision, scale, hasPrecision := ct.DecimalSize()
			null, hasNull := ct.Nullable()
			w.note("column %s: %s %s %d/%t %d,%d/%t %t/%t", ct.Name(), ct.ScanType(), ct.DatabaseTypeName(),
				length, hasLength, precision, scale, hasPrecision, null, hasNull)
		}
		for rows.Next() {
			var v any
			w.check(what+" scan", rows.Scan(&v))
			w.note("row %T %v", v, v)
		}
		w.check(what+" err", rows.Err())
		if !rows.NextResultSet() {
			w.check(what+" end", rows.Err())
			return
		}
	}
}

func (w *world) result(what string, res sql.Result, err error) {
	if !w.check(what, err) {
		return
	}
	id, err := res.LastInsertId()
	w.note("%s: id %d %v", what, id, err)
	n, err := res.RowsAffected()
	w.note("%s: affected %d %v", what, n, err)
}

func (w *world) conn() *sql.Conn {
	c, err := w.db.Conn(context.Background())
	if !w.check("conn", err) {
		w.t.FailNow()
	}
	return c
}

// argLists are arguments of every kind that the fakes treat in a way of their
// own.
func argLists() [][]any {
	return [][]any{
		{},
		{1, "x", []byte("b"), nil, 2.5, true},
		{sql.NullString{String: "v", Valid: true}, sql.NullInt64{}},
		{sql.Named("n", 1), 2},
		{marked("m")},
		{dropped{}, 1, dropped{}, "y"},
		{refused{}},
		{sql.Named("r", refused{})},
		{columns("c")},
		{struct{}{}},
		{sql.Named("", 1)},
	}
}

func programs() []program {
	ctx := context.Background()
	return []program{
		{"queries", func(w *world) {
			for _, args := range argLists() {
				rows, err := w.db.QueryContext(ctx, "select", args...)
				w.rows("query", rows, err)
				if rows, err = w.db.QueryContext(ctx, "select", args...); w.check("query", err) {
					w.note("next set, unread: %t", rows.NextResultSet())
					w.check("err", rows.Err())
					w.check("close", rows.Close())
				}
				var v any
				w.check("row", w.db.QueryRow("select one", args...).Scan(&v))
				w.note("row %T %v", v, v)
			}
		}},
		{"first arguments", func(w *world) {
			// One connection each: the arguments meet a shell.
			w.db.SetMaxIdleConns(-1)
			for _, args := range argLists() {
				rows, err := w.db.QueryContext(ctx, "select", args...)
				w.rows("query", rows, err)
				res, err := w.db.ExecContext(ctx, "update", args...)
				w.result("exec", res, err)
			}
		}},
		{"execs", func(w *world) {
			for _, args := range argLists() {
				res, err := w.db.ExecContext(ctx, "update", args...)
				w.result("exec", res, err)
			}
		}},
		{"prepared", func(w *world) {
			for _, text := range []string{"any number", "two ? ?"} {
				st, err := w.db.PrepareContext(ctx, text)
				if !w.check("prepare", err) {
					continue
				}
				for _, args := range argLists() {
					rows, err := st.QueryContext(ctx, args...)
					w.rows("stmt query", rows, err)
					res, err := st.ExecContext(ctx, args...)
					w.result("stmt exec", res, err)
				}
				w.check("stmt close", st.Close())
			}
		}},
		{"transactions", func(w *world) {
			for _, opts := range []*sql.TxOptions{nil, {}, {Isolation: sql.LevelSerializable}, {ReadOnly: true}} {
				for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
					tx, err := w.db.BeginTx(ctx, opts)
					if !w.check("begin", err) {
						continue
					}
					rows, err := tx.Query("select", 1)
					w.rows("tx query", rows, err)
					res, err := tx.Exec("update", marked("m"))
					w.result("tx exec", res, err)
					w.check("end", end(tx))
				}
			}
		}},
		{"ping", func(w *world) {
			w.check("ping", w.db.Ping())
			w.srv.play(failOn("ping", errFake, 1))
			w.check("ping", w.db.Ping())
			w.check("ping", w.db.Ping())
		}},
		{"skipped", func(w *world) {
			w.srv.play(func(_ context.Context, key string) error {
				if strings.HasPrefix(key, "exec") || strings.HasPrefix(key, "query") {
					return sqldriver.ErrSkip
				}
				return nil
			})
			for _, args := range argLists() {
				rows, err := w.db.Query("select", args...)
				w.rows("query", rows, err)
				res, err := w.db.Exec("update", args...)
				w.result("exec", res, err)
			}
		}},
		{"failures", func(w *world) {
			for _, failure := range []error{errFake, sqldriver.ErrBadConn, fmt.Errorf("wrapped: %w", sqldriver.ErrBadConn), sqldriver.ErrSkip} {
				for _, op := range []string{"exec", "query", "prepare", "begin", "stmt-exec", "stmt-query", "reset", "commit", "rollback", "next", "next-set", "rows-close", "stmt-close", "valid"} {
					for _, times := range []int64{1, 5} {
						w.note("%v in %s, %d times", failure, op, times)
						w.srv.play(failOn(op, failure, times))
						rows, err := w.db.Query("select", 1)
						w.rows("query", rows, err)
						res, err := w.db.Exec("update", 1)
						w.result("exec", res, err)
						if tx, err := w.db.Begin(); w.check("begin", err) {
							_, err := tx.Exec("update", 1)
							w.check("exec", err)
							w.check("commit", tx.Commit())
						}
						if tx, err := w.db.Begin(); w.check("begin", err) {
							w.check("rollback", tx.Rollback())
						}
						if st, err := w.db.Prepare("prepared"); w.check("prepare", err) {
							rows, err := st.Query(1)
							w.rows("stmt query", rows, err)
							res, err := st.Exec(1)
							w.result("stmt exec", res, err)
							w.check("stmt close", st.Close())
						}
					}
				}
			}
		}},
		{"done contexts", func(w *world) {
			done, cancel := context.WithCancel(ctx)
			cancel()
			c := w.conn()
			_, err := c.ExecContext(ctx, "first use")
			w.check("first", err)
			res, err := c.ExecContext(done, "update", 1)
			w.result("exec", res, err)
			rows, err := c.QueryContext(done, "select", 1)
			if w.check("query", err) {
				rows.Close() // or waits for database/sql to do it
			}
			st, err := c.PrepareContext(done, "select")
			if w.check("prepare", err) {
				st.Close()
			}
			st, err = c.PrepareContext(ctx, "select")
			if w.check("prepare", err) {
				res, err := st.ExecContext(done, 1)
				w.result("stmt exec", res, err)
				rows, err := st.QueryContext(done, 1)
				if w.check("stmt query", err) {
					rows.Close()
				}
				w.check("stmt close", st.Close())
			}
			w.check("close", c.Close())
		}},
		{"contexts done meanwhile", func(w *world) {
			w.db.SetMaxOpenConns(1) // what comes next waits for database/sql's own rollback
			for _, op := range []string{"prepare", "begin", "prepare-ctx", "begin-ctx"} {
				ctx, cancel := context.WithCancel(ctx)
				w.srv.play(func(_ context.Context, key string) error {
					if strings.Fields(key)[0] == op {
						cancel()
					}
					return nil
				})
				before := w.srv.seen("rollback")
				if op == "begin" || op == "begin-ctx" {
					tx, err := w.db.BeginTx(ctx, nil)
					if w.check("begin", err) {
						cancel() // database/sql rolls back
						w.srv.awaitLines(w.t, "rollback", before+1)
						w.check("rollback", tx.Rollback())
					}
				} else if st, err := w.db.PrepareContext(ctx, "select"); w.check("prepare", err) {
					w.check("stmt close", st.Close())
				}
				cancel()
			}
		}},
	}
}
