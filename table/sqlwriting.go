package table

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"strings"

	"github.com/vantage-go/live/dialects"
)

// writing is a transaction that looks at rows and then changes them. Rollback does
// nothing once it was committed.
type writing interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	Commit() error
	Rollback() error
}

// write begins one. A mock has nobody beside it, and programs tell it to expect what
// BeginTx sends.
func (d *Database) write(ctx context.Context) (writing, error) {
	if d.Flavor != dialects.SQLite || !d.asks() {
		return d.DB.BeginTx(ctx, nil)
	}
	conn, err := d.DB.Conn(ctx)
	if err != nil {
		return nil, err
	}
	t := &immediate{conn, ctx}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		_ = t.Rollback() // it may have begun when the context ended
		return nil, err
	}
	return t, nil
}

// immediate is a transaction of SQLite that has the only lock from its beginning. One
// that takes it when it first writes is refused if somebody else has written since it
// has read, and waiting does not help it. BeginTx begins such ones, unless the DSN
// says otherwise.
type immediate struct {
	*sql.Conn
	ctx context.Context //nolint:containedctx // the one that it began with, as in a *sql.Tx
}

// Commit ends the transaction, or leaves that to Rollback. It may wait for readers.
func (t *immediate) Commit() error {
	if _, err := t.ExecContext(t.ctx, "COMMIT"); err != nil {
		return err
	}
	return t.Close()
}

// Rollback ends the transaction, if SQLite has not done so by itself. A connection
// that may still be in it is not used again.
func (t *immediate) Rollback() error {
	_, err := t.ExecContext(context.WithoutCancel(t.ctx), "ROLLBACK")
	if err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		_ = t.Raw(func(any) error { return sqldriver.ErrBadConn })
		return err
	}
	return t.Close()
}
