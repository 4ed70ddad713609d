package livesql_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/vantage-go/live/testdb"
)

// mocked is a program with the expectations that it meets, or fails to meet.
type mocked struct {
	name   string
	keeps  uint64 // results that are kept when the tables are covered
	expect func(m sqlmock.Sqlmock)
	run    func(p *proof)
}

// TestDropInMock runs every program on a plain go-sqlmock and on livesql's,
// with and without tables that can be cached, and compares what the programs
// saw and what the mocks say of their expectations. No program reads the same
// twice: that is what livesql leaves out.
func TestDropInMock(t *testing.T) {
	t.Parallel()
	for _, program := range mockedPrograms() {
		t.Run(program.name, func(t *testing.T) {
			t.Parallel()
			run := func(db *sql.DB, m sqlmock.Sqlmock) []string {
				program.expect(m)
				p := &proof{t: t, db: sqlx.NewDb(db, "postgres")}
				program.run(p)
				p.note("met", address(m.ExpectationsWereMet()))
				return p.notes
			}
			db, m, err := sqlmock.New(sqlmock.MonitorPingsOption(true))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			want := run(db, m)
			for name, opts := range map[string][]testdb.Option{
				"covered":   {testdb.Tables("item", "tag")},
				"uncovered": {},
			} {
				tb := &complaints{TB: t}
				mock := testdb.Mock(tb, append(opts, testdb.MonitorPings(), testdb.Options(calm()...))...)
				if diff := cmp.Diff(want, run(mock.DB.DB, mock.Sqlmock)); diff != "" {
					t.Errorf("%s (-plain +livesql):\n%s", name, diff)
				}
				if n := mock.CacheStats().Stores; n != map[string]uint64{"covered": program.keeps}[name] {
					t.Errorf("%s: %d results were kept, want %d: %+v", name, n, program.keeps, mock.CacheStats())
				}
			}
		})
	}
}

// complaints keeps the complaints of a mock whose expectations are meant to
// be left, and which the program looks at itself.
type complaints struct {
	testing.TB
}

func (c *complaints) Errorf(format string, args ...any) { c.Logf(format, args...) }

func mockedPrograms() []mocked {
	broken := errors.New("broken")
	rows := func() *sqlmock.Rows { return sqlmock.NewRows([]string{"id", "name"}) }
	read := func(p *proof, what, query string, args ...any) {
		p.t.Helper()
		rows, err := p.db.Query(query, args...)
		if err != nil {
			p.note(what, address(err))
			return
		}
		for {
			for rows.Next() {
				var id, name any
				p.note(what, rows.Scan(&id, &name), id, name)
			}
			if !rows.NextResultSet() {
				break
			}
		}
		p.note(what+" ends", rows.Err(), rows.Close())
	}
	exec := func(p *proof, what, query string, args ...any) {
		p.t.Helper()
		res, err := p.db.Exec(query, args...)
		if err != nil {
			p.note(what, address(err))
			return
		}
		n, nerr := res.RowsAffected()
		id, iderr := res.LastInsertId()
		p.note(what, n, nerr, id, iderr)
	}
	return []mocked{
		{
			"in order",
			2,
			func(m sqlmock.Sqlmock) {
				m.ExpectQuery("SELECT (.+) FROM item").WithArgs(1).WillReturnRows(rows().AddRow(1, "Rye"))
				m.ExpectBegin()
				m.ExpectExec("UPDATE item").WithArgs("x", 1).WillReturnResult(sqlmock.NewResult(7, 1))
				m.ExpectQuery("SELECT (.+) FROM item").WillReturnRows(rows())
				m.ExpectCommit()
				m.ExpectQuery("^SELECT id, name FROM tag$").WillReturnRows(rows().AddRow(nil, []byte("b")))
			},
			func(p *proof) {
				read(p, "read", "SELECT id, name FROM item WHERE id = $1", 1)
				tx, err := p.db.Begin()
				if p.ok("begin", err) {
					res, err := tx.Exec("UPDATE item SET name = $1 WHERE id = $2", "x", 1)
					p.ok("exec", err)
					n, err := res.RowsAffected()
					p.note("affected", n, err)
					p.note("none", tx.QueryRow("SELECT id, name FROM item").Scan(new(any), new(any)))
					p.note("commit", tx.Commit())
				}
				read(p, "tags", "SELECT id, name FROM tag")
			},
		},
		{
			"out of order",
			1,
			func(m sqlmock.Sqlmock) {
				m.ExpectExec("UPDATE item").WillReturnResult(sqlmock.NewResult(1, 1))
				m.ExpectQuery("SELECT").WillReturnRows(rows().AddRow(1, "Rye"))
				m.ExpectExec("DELETE").WillReturnResult(sqlmock.NewResult(1, 1))
			},
			func(p *proof) {
				read(p, "too early", "SELECT id, name FROM item")
				exec(p, "another", "INSERT INTO item VALUES (1)")
				exec(p, "update", "UPDATE item SET id = 1")
				exec(p, "too early", "DELETE FROM item")
				_, err := p.db.Begin()
				p.note("begin", err)
				read(p, "read", "SELECT id, name FROM item")
			},
		},
		{
			"unordered",
			2,
			func(m sqlmock.Sqlmock) {
				m.MatchExpectationsInOrder(false)
				m.ExpectExec("UPDATE item").WithArgs(1).WillReturnResult(sqlmock.NewResult(1, 1))
				m.ExpectExec("UPDATE item").WithArgs(2).WillReturnResult(sqlmock.NewResult(2, 2))
				m.ExpectQuery("FROM item").WithArgs(sqlmock.AnyArg(), "x").WillReturnRows(rows().AddRow(1, "Rye"))
				m.ExpectQuery("FROM tag").WillReturnRows(rows().AddRow(2, "a"))
				m.ExpectPing()
			},
			func(p *proof) {
				read(p, "tags", "SELECT id, name FROM tag")
				exec(p, "two", "UPDATE item SET id = $1", 2)
				read(p, "items", "SELECT id, name FROM item WHERE id > $1 AND name = $2", 2.5, "x")
				exec(p, "none", "UPDATE item SET id = $1", 3)
				p.note("ping", p.db.Ping())
				p.note("ping", p.db.Ping())
				exec(p, "one", "UPDATE item SET id = $1", 1)
			},
		},
		{
			"errors of rows",
			0,
			func(m sqlmock.Sqlmock) {
				m.ExpectQuery("at once").WillReturnError(broken)
				m.ExpectQuery("first").WillReturnRows(rows().AddRow(1, "a").RowError(0, broken))
				m.ExpectQuery("second").WillReturnRows(rows().AddRow(1, "a").AddRow(2, "b").AddRow(3, "c").RowError(1, broken))
				m.ExpectQuery("second").WillReturnRows(rows().AddRow(1, "a").AddRow(2, "b").RowError(1, broken))
				m.ExpectQuery("at the end").WillReturnRows(rows().AddRow(1, "a").CloseError(broken))
				m.ExpectQuery("early").WillReturnRows(rows().AddRow(1, "a").AddRow(2, "b").CloseError(broken))
				m.ExpectQuery("no rows").WillReturnError(sql.ErrNoRows)
			},
			func(p *proof) {
				read(p, "at once", "SELECT id, name FROM item WHERE name = 'at once'")
				read(p, "first", "SELECT id, name FROM item WHERE name = 'first'")
				read(p, "second", "SELECT id, name FROM item WHERE name = 'second'")
				var id, name any
				p.note("first row of it", p.db.QueryRow("SELECT id, name FROM item WHERE name = 'second' LIMIT 9").Scan(&id, &name), id, name)
				read(p, "close", "SELECT id, name FROM item WHERE name = 'at the end'")
				rows, err := p.db.Query("SELECT id, name FROM item WHERE name = 'early'")
				if p.ok("query", err) {
					p.note("closed early", rows.Next(), rows.Close(), rows.Err())
				}
				p.note("no rows", p.db.QueryRow("SELECT id, name FROM item WHERE name = 'no rows'").Scan(&id, &name))
			},
		},
		{
			"shapes of rows",
			5,
			func(m sqlmock.Sqlmock) {
				m.ExpectQuery("two").WillReturnRows(rows().AddRow(1, "a"), rows().AddRow(2, "b").AddRow(3, "c"))
				m.ExpectQuery("csv").WillReturnRows(rows().FromCSVString("1,x\nNULL,NULL"))
				m.ExpectQuery("typed").WillReturnRows(sqlmock.NewRowsWithColumnDefinition(
					sqlmock.NewColumn("id").OfType("INT8", int64(0)).Nullable(false),
					sqlmock.NewColumn("name").OfType("DECIMAL", 1.5).Nullable(true).WithLength(12).WithPrecisionAndScale(10, 4),
				).AddRow(1, 2.5).AddRow(2, nil))
				m.ExpectQuery("values").WillReturnRows(rows().AddRow(made, true).AddRow([]byte{1}, []byte{}).AddRow(1.5, "s"))
				m.ExpectQuery("empty").WillReturnRows(rows())
				m.ExpectQuery("unset")
				m.ExpectQuery("closed").WillReturnRows(rows().AddRow(1, "a")).RowsWillBeClosed()
			},
			func(p *proof) {
				read(p, "two", "SELECT id, name FROM item WHERE name = 'two'")
				read(p, "csv", "SELECT id, name FROM item WHERE name = 'csv'")
				rows, err := p.db.Query("SELECT id, name FROM item WHERE name = 'typed'")
				if p.ok("query", err) {
					p.columnTypes("before", rows)
					for rows.Next() {
						var id, name any
						p.note("typed", rows.Scan(&id, &name), id, name)
						p.columnTypes("row", rows)
					}
					p.note("end", rows.Err(), rows.Close())
				}
				read(p, "values", "SELECT id, name FROM item WHERE name = 'values'")
				read(p, "empty", "SELECT id, name FROM item WHERE name = 'empty'")
				read(p, "unset", "SELECT id, name FROM item WHERE name = 'unset'")
				read(p, "closed", "SELECT id, name FROM item WHERE name = 'closed'")
			},
		},
		{
			"prepared",
			1,
			func(m sqlmock.Sqlmock) {
				query := m.ExpectPrepare("SELECT (.+) FROM item").WillBeClosed()
				query.ExpectQuery().WithArgs(1).WillReturnRows(rows().AddRow(1, "Rye"))
				query.ExpectQuery().WithArgs(2).WillReturnError(broken)
				exec := m.ExpectPrepare("INSERT INTO item").WillReturnCloseError(broken)
				exec.ExpectExec().WithArgs(1).WillReturnResult(sqlmock.NewResult(1, 1))
				exec.ExpectExec().WithArgs(2).WillReturnError(broken)
				m.ExpectPrepare("refused").WillReturnError(broken)
			},
			func(p *proof) {
				stmt, err := p.db.Prepare("SELECT id, name FROM item WHERE id = $1")
				if p.ok("prepare", err) {
					var id, name any
					p.note("query", stmt.QueryRow(1).Scan(&id, &name), id, name)
					p.note("query", stmt.QueryRow(2).Scan(&id, &name))
					p.note("query", address(stmt.QueryRow(3).Scan(&id, &name)))
					p.note("close", stmt.Close())
				}
				stmt, err = p.db.Prepare("INSERT INTO item VALUES ($1)")
				if p.ok("prepare", err) {
					for i := range 3 {
						_, err := stmt.Exec(i + 1)
						p.note("exec", address(err))
					}
					p.note("close", stmt.Close())
				}
				_, err = p.db.Prepare("SELECT refused FROM item")
				p.note("refused", err)
			},
		},
		{
			"transactions",
			0,
			func(m sqlmock.Sqlmock) {
				m.ExpectBegin().WillReturnError(broken)
				m.ExpectBegin()
				m.ExpectExec("UPDATE item").WillReturnError(broken)
				m.ExpectRollback()
				m.ExpectBegin()
				m.ExpectCommit().WillReturnError(broken)
				m.ExpectBegin()
				m.ExpectRollback().WillReturnError(broken)
			},
			func(p *proof) {
				_, err := p.db.Begin()
				p.note("begin", err)
				tx, err := p.db.BeginTxx(p.t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true})
				if p.ok("begin", err) {
					_, err := tx.Exec("UPDATE item SET id = 1")
					p.note("exec", err, tx.Rollback())
				}
				for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
					tx, err := p.db.Begin()
					if p.ok("begin", err) {
						p.note("end", end(tx))
					}
				}
				_, err = p.db.Begin()
				p.note("one too many", err)
			},
		},
		{
			"arguments",
			3,
			func(m sqlmock.Sqlmock) {
				m.ExpectQuery("item").WithArgs(1, "a").WillReturnRows(rows().AddRow(1, "a"))
				m.ExpectQuery("item").WithArgs(sql.Named("id", 2)).WillReturnRows(rows().AddRow(2, "b"))
				m.ExpectQuery("item").WithArgs(long{}).WillReturnRows(rows().AddRow(3, "c"))
				m.ExpectExec("item").WithArgs(nil, []byte("x"), made, true, 1.5).WillReturnResult(sqlmock.NewResult(0, 0))
				m.ExpectExec("item").WithArgs(1).WillReturnResult(sqlmock.NewErrorResult(broken))
			},
			func(p *proof) {
				read(p, "pair", "SELECT id, name FROM item WHERE id = $1 AND name = $2", 1, "a")
				read(p, "named", "SELECT id, name FROM item WHERE id = :id", sql.Named("id", 2))
				read(p, "matcher", "SELECT id, name FROM item WHERE name = $1", "long enough")
				exec(p, "all", "INSERT INTO item VALUES ($1, $2, $3, $4, $5)", nil, []byte("x"), made, true, 1.5)
				exec(p, "result", "UPDATE item SET id = $1", 1)
				exec(p, "wrong", "UPDATE item SET id = $1", 2)
				read(p, "wrong", "SELECT id, name FROM item WHERE id = $1 AND name = $2", 1, "z")
				exec(p, "inconvertible", "UPDATE item SET id = $1", make(chan int))
			},
		},
		{
			"delays",
			1,
			func(m sqlmock.Sqlmock) {
				m.ExpectQuery("item").WillDelayFor(time.Hour).WillReturnRows(rows())
				m.ExpectExec("tag").WillDelayFor(time.Hour).WillReturnResult(sqlmock.NewResult(1, 1))
				m.ExpectQuery("item").WillDelayFor(time.Millisecond).WillReturnRows(rows().AddRow(1, "late"))
				m.ExpectBegin().WillDelayFor(time.Hour)
				m.ExpectPing().WillDelayFor(time.Hour)
			},
			func(p *proof) {
				soon := func() context.Context {
					ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Millisecond)
					p.t.Cleanup(cancel)
					return ctx
				}
				var id, name any
				p.note("query", p.db.QueryRowContext(soon(), "SELECT id, name FROM item WHERE name = 'late'").Scan(&id, &name))
				_, err := p.db.ExecContext(soon(), "UPDATE tag SET id = 1") // of item, the feed might tell of it during the read
				p.note("exec", err)
				read(p, "late", "SELECT id, name FROM item")
				_, err = p.db.BeginTx(soon(), nil)
				p.note("begin", err)
				p.note("ping", p.db.PingContext(soon()))
			},
		},
		{
			"closing",
			0,
			func(m sqlmock.Sqlmock) {
				m.ExpectPing().WillReturnError(broken)
				m.ExpectQuery("RETURNING").WillReturnRows(rows().AddRow(5, "new"))
				m.ExpectClose().WillReturnError(broken)
			},
			func(p *proof) {
				p.note("ping", p.db.Ping())
				read(p, "returning", "INSERT INTO item VALUES (5) RETURNING id, name")
				p.note("stats", p.db.Stats().OpenConnections)
				p.note("close", p.db.Close())
				p.note("close", p.db.Close())
				p.note("ping", p.db.Ping())
			},
		},
		{
			"closing unexpectedly",
			0,
			func(m sqlmock.Sqlmock) { m.ExpectQuery("item").WillReturnRows(rows()) },
			func(p *proof) { p.note("close", p.db.Close()) },
		},
	}
}

// long matches long arguments.
type long struct{}

var _ sqlmock.Argument = long{}

func (long) Match(v sqldriver.Value) bool { return len(fmt.Sprint(v)) > 5 }
