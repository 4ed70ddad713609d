package sqlstore

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
)

// For rows whose context can end, database/sql starts a goroutine that closes them
// then. Drivers look at the context themselves, so that it has nothing to do, and on
// two processors makes a single save a sixth slower. So where a driver takes contexts,
// statements that return rows are given to it directly, and its rows to a pool that
// has nothing but rows to hand out: what they are scanned into is database/sql's
// business as ever.

// direct runs a prepared statement on the driver's connection, and hands each row to f.
// It returns false if the driver is not one that this can be done with.
func (l *link) direct(ctx context.Context, text string, args []any, f func(*sql.Rows) error) (done bool, err error) {
	if l.conn == nil || ctx.Done() == nil || l.indirect {
		return false, nil
	}
	err = l.conn.Raw(func(dc any) error {
		stmt, err := l.driverStmt(ctx, dc, text)
		if stmt == nil || err != nil {
			l.indirect = err == nil
			return err
		}
		values, err := valuesFor(dc, stmt, args)
		if err != nil {
			return err
		}
		l.sent = true
		rows, err := stmt.QueryContext(ctx, values)
		if err != nil {
			return err
		}
		return l.hand(rows, f)
	})
	return !l.indirect, err
}

// directStmt is a statement of a driver that takes contexts.
type directStmt interface {
	sqldriver.Stmt
	sqldriver.StmtQueryContext
}

// driverStmt prepares a statement on the driver's connection, unless it is. It returns
// nil if the driver takes no contexts, or converts arguments by their columns.
func (l *link) driverStmt(ctx context.Context, dc any, text string) (directStmt, error) {
	if stmt := l.directs[text]; stmt != nil {
		return stmt, nil
	}
	conn, ok := dc.(sqldriver.ConnPrepareContext)
	if _, checks := dc.(sqldriver.NamedValueChecker); !ok || !checks {
		return nil, nil
	}
	prepared, err := conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	stmt, ok := prepared.(directStmt)
	if _, converts := prepared.(sqldriver.ColumnConverter); !ok || converts { //nolint:staticcheck // what drivers may still have
		return nil, prepared.Close()
	}
	if len(l.directs) >= maxStmts {
		l.closeDirects()
	}
	if l.directs == nil {
		l.directs, l.handing = make(map[string]directStmt), sql.OpenDB(handed{})
	}
	l.directs[text] = stmt
	return stmt, nil
}

// endDirects ends what driverStmt has begun.
func (l *link) endDirects() {
	if l.directs != nil {
		l.closeDirects()
		_ = l.handing.Close()
	}
}

// closeDirects closes what driverStmt has prepared. Who calls it has the driver's
// connection, or knows that nobody has.
func (l *link) closeDirects() {
	for _, stmt := range l.directs {
		_ = stmt.Close()
	}
	clear(l.directs)
}

// valuesFor are the arguments of a statement as database/sql gives them to the driver.
func valuesFor(dc any, stmt sqldriver.Stmt, args []any) ([]sqldriver.NamedValue, error) {
	checker, ok := stmt.(sqldriver.NamedValueChecker)
	if !ok {
		checker = dc.(sqldriver.NamedValueChecker)
	}
	values := make([]sqldriver.NamedValue, len(args))
	for i, arg := range args {
		v := &values[i]
		v.Ordinal, v.Value = i+1, arg
		err := checker.CheckNamedValue(v)
		if errors.Is(err, sqldriver.ErrSkip) {
			v.Value, err = sqldriver.DefaultParameterConverter.ConvertValue(arg)
		}
		if err != nil {
			return nil, err
		}
	}
	return values, nil
}

// hand gives rows of a driver to f, one after the other, and closes them.
func (l *link) hand(inner sqldriver.Rows, f func(*sql.Rows) error) (err error) {
	rows, err := l.handing.QueryContext(context.Background(), "", inner)
	if err != nil {
		return errors.Join(err, inner.Close())
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// handed is a driver whose queries return the rows that are their argument.
type handed struct{}

func (handed) Connect(context.Context) (sqldriver.Conn, error) { return handedConn{}, nil }
func (handed) Driver() sqldriver.Driver                        { return handed{} }
func (handed) Open(string) (sqldriver.Conn, error)             { return handedConn{}, nil }

type handedConn struct{}

func (handedConn) CheckNamedValue(*sqldriver.NamedValue) error { return nil }
func (handedConn) Prepare(string) (sqldriver.Stmt, error)      { return nil, errors.ErrUnsupported }
func (handedConn) Begin() (sqldriver.Tx, error)                { return nil, errors.ErrUnsupported }
func (handedConn) Close() error                                { return nil }

func (handedConn) QueryContext(_ context.Context, _ string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return args[0].Value.(sqldriver.Rows), nil
}
