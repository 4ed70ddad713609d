package livesql_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/vantage-go/live/livesql"
)

// behaviour notes what a connection does, at the level of database/sql/driver,
// with database/sql's own fallbacks for what it does not have. It closes the
// connection.
func behaviour(t *testing.T, s subject, conn sqldriver.Conn) []string {
	t.Helper()
	ctx := t.Context()
	p := &proof{t: t}
	mark := "?"
	if s.dialect == "postgres" || s.dialect == "pgx" {
		mark = "$1"
	}
	read, readSome := "SELECT id, name FROM item ORDER BY id", "SELECT id, name FROM item WHERE id < "+mark+" ORDER BY id"
	limit := []sqldriver.NamedValue{{Ordinal: 1, Value: int64(3)}}

	for _, ctx := range []context.Context{livesql.NoCache(ctx), ctx, ctx} { // passed, missed, hit
		p.driverRows(conn.(sqldriver.QueryerContext).QueryContext(ctx, read, nil))
		p.driverRows(conn.(sqldriver.QueryerContext).QueryContext(ctx, readSome, limit))
	}
	p.driverRows(conn.(sqldriver.QueryerContext).QueryContext(ctx, "SELECT nothing FROM nowhere", nil))
	p.driverResult(conn.(sqldriver.ExecerContext).ExecContext(ctx, "UPDATE item SET note = 'x'", nil))
	p.driverResult(conn.(sqldriver.ExecerContext).ExecContext(ctx, "UPDATE item SET note = 'y' WHERE id < "+mark, limit))

	for _, text := range []string{read, readSome, "SELEC"} {
		stmt, err := conn.(sqldriver.ConnPrepareContext).PrepareContext(ctx, text)
		p.identity("prepare "+text, err)
		if err != nil {
			continue
		}
		p.note("inputs", stmt.NumInput())
		_, converts := stmt.(sqldriver.ColumnConverter) //nolint:staticcheck // database/sql still looks for it
		p.note("converts", converts)
		p.checks("stmt", conn, stmt)
		args := limit
		if text == read {
			args = nil
		}
		for range 2 {
			p.driverRows(stmt.(sqldriver.StmtQueryContext).QueryContext(ctx, args))
		}
		p.note("close", stmt.Close())
	}
	p.checks("conn", conn, nil)

	for level := range 8 {
		for _, readOnly := range []bool{false, true} {
			tx, err := conn.(sqldriver.ConnBeginTx).BeginTx(ctx, sqldriver.TxOptions{Isolation: sqldriver.IsolationLevel(level), ReadOnly: readOnly})
			p.identity(fmt.Sprintf("begin %v %v", sql.IsolationLevel(level), readOnly), err)
			if err == nil {
				p.identity("rollback", tx.Rollback())
			}
		}
	}
	p.identity("ping", conn.(sqldriver.Pinger).Ping(ctx))
	if r, ok := conn.(sqldriver.SessionResetter); ok {
		p.identity("reset", r.ResetSession(ctx))
	} else {
		p.identity("reset", nil)
	}
	valid := true
	if v, ok := conn.(sqldriver.Validator); ok {
		valid = v.IsValid()
	}
	p.note("valid", valid)
	p.identity("close", conn.Close())
	return p.notes
}

// identity notes an error with the properties that database/sql looks at.
func (p *proof) identity(what string, err error) {
	p.t.Helper()
	skip := err == sqldriver.ErrSkip //nolint:errorlint // database/sql compares by identity
	p.note(what, address(err), skip, errors.Is(err, sqldriver.ErrBadConn), errors.Is(err, context.Canceled))
}

// driverRows notes rows as database/sql sees them.
func (p *proof) driverRows(rows sqldriver.Rows, err error) {
	p.t.Helper()
	p.identity("query", err)
	if err != nil {
		return
	}
	names := rows.Columns()
	p.note("columns", names)
	dest := make([]sqldriver.Value, len(names))
	for row := 0; ; row++ {
		for i := range names {
			p.driverColumn(rows, i)
		}
		clear(dest)
		if err := rows.Next(dest); err != nil {
			ended := err == io.EOF //nolint:errorlint // database/sql compares by identity
			p.note("next", err, ended)
			break
		}
		for _, v := range dest {
			p.note("value", v)
		}
	}
	if n, ok := rows.(sqldriver.RowsNextResultSet); ok && n.HasNextResultSet() {
		p.note("more")
	}
	p.note("close", rows.Close())
}

// driverColumn notes a column as rowsColumnInfoSetupConnLocked in database/sql
// sees it.
func (p *proof) driverColumn(rows sqldriver.Rows, i int) {
	p.t.Helper()
	var (
		typ                              = reflect.TypeFor[any]()
		name                             string
		length, precision, scale         int64
		hasLength, null, hasNull, hasDec bool
	)
	if r, ok := rows.(sqldriver.RowsColumnTypeScanType); ok {
		typ = r.ColumnTypeScanType(i)
	}
	if r, ok := rows.(sqldriver.RowsColumnTypeDatabaseTypeName); ok {
		name = r.ColumnTypeDatabaseTypeName(i)
	}
	if r, ok := rows.(sqldriver.RowsColumnTypeLength); ok {
		length, hasLength = r.ColumnTypeLength(i)
	}
	if r, ok := rows.(sqldriver.RowsColumnTypeNullable); ok {
		null, hasNull = r.ColumnTypeNullable(i)
	}
	if r, ok := rows.(sqldriver.RowsColumnTypePrecisionScale); ok {
		precision, scale, hasDec = r.ColumnTypePrecisionScale(i)
	}
	p.note("column", fmt.Sprint(typ), name, length, hasLength, null, hasNull, precision, scale, hasDec)
}

func (p *proof) driverResult(res sqldriver.Result, err error) {
	p.t.Helper()
	p.identity("exec", err)
	if err != nil {
		return
	}
	n, nerr := res.RowsAffected()
	id, iderr := res.LastInsertId()
	p.note("result", fmt.Sprintf("%T", res), n, nerr, id, iderr)
}

// checks notes what becomes of arguments.
func (p *proof) checks(what string, conn sqldriver.Conn, stmt sqldriver.Stmt) {
	p.t.Helper()
	for i, v := range arguments {
		nv := sqldriver.NamedValue{Ordinal: 1, Value: v}
		err := convert(conn, stmt, &nv)
		removed := err == sqldriver.ErrRemoveArgument //nolint:errorlint // database/sql compares by identity
		p.note(fmt.Sprintf("%s takes %T", what, arguments[i]), nv.Value, address(err), removed)
	}
}

// convert does with an argument what driverArgsConnLocked in database/sql does.
func convert(conn sqldriver.Conn, stmt sqldriver.Stmt, nv *sqldriver.NamedValue) error {
	checker, ok := stmt.(sqldriver.NamedValueChecker)
	if !ok {
		checker, ok = conn.(sqldriver.NamedValueChecker)
	}
	err := sqldriver.ErrSkip
	if ok {
		err = checker.CheckNamedValue(nv)
	}
	if err != sqldriver.ErrSkip { //nolint:errorlint // database/sql compares by identity
		return err
	}
	converter := sqldriver.ValueConverter(sqldriver.DefaultParameterConverter)
	if cc, ok := stmt.(sqldriver.ColumnConverter); ok { //nolint:staticcheck // database/sql still looks for it
		converter = cc.ColumnConverter(0)
	}
	nv.Value, err = converter.ConvertValue(nv.Value)
	return err
}

type word string

// arguments are values that drivers treat differently.
var arguments = func() []any {
	text, n := "text", 7
	return []any{
		nil, 1, int8(1), uint64(1), ^uint64(0), float32(1.5), 1.5, true, "text", word("named"), []byte("bytes"), []byte(nil),
		made, &made, &text, (*string)(nil), &n,
		sql.NullString{String: "x", Valid: true},
		sql.NullInt64{},
		sql.Null[int32]{V: 1, Valid: true},
		money{5},
		money{-1},
		&money{5}, (*money)(nil), json.RawMessage(`{}`), sql.RawBytes("raw"),
		[]int64{1, 2},
		[]string{"a"},
		[][]byte{{1}},
		[]word{"w"},
		[2]int{1, 2},
		struct{ A int }{1},
		map[string]any{"a": 1},
		time.Second, time.UTC.String, errors.ErrUnsupported,
		sql.Out{Dest: &text},
		complex(1, 2),
	}
}()
