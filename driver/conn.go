package driver

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
)

var (
	_ sqldriver.Conn               = (*conn)(nil)
	_ sqldriver.ConnPrepareContext = (*conn)(nil)
	_ sqldriver.ConnBeginTx        = (*conn)(nil)
	_ sqldriver.ExecerContext      = (*conn)(nil)
	_ sqldriver.QueryerContext     = (*conn)(nil)
	_ sqldriver.Pinger             = (*conn)(nil)
	_ sqldriver.SessionResetter    = (*conn)(nil)
	_ sqldriver.Validator          = (*conn)(nil)
	_ sqldriver.NamedValueChecker  = (*conn)(nil)
	_ RawConn                      = (*conn)(nil)
)

// RawConn is what (*sql.Conn).Raw hands out for a wrapped connection.
type RawConn interface {
	sqldriver.Conn

	// Raw dials if necessary and calls f with the inner connection, which must
	// not be kept. The session takes the connection for one that may have
	// written and set anything, before f runs and again after it.
	Raw(ctx context.Context, f func(inner sqldriver.Conn) error) error

	// Unwrap returns the inner connection, or nil if it could not be dialled.
	// The session is told as with Raw, but cannot be told when the caller is
	// done: prefer Raw.
	Unwrap() sqldriver.Conn
}

// conn wraps a connection. It has every optional method of a connection and
// falls back to what database/sql does for a connection without it.
//
// database/sql holds a lock around every call of a connection and of its
// statements, transactions and rows, so nothing here is locked.
type conn struct {
	connector sqldriver.Connector
	session   Session

	inner  sqldriver.Conn // nil until dialled
	direct bool           // inner takes both queries and execs without a prepared statement
	failed bool           // the last dial failed
	closed bool

	// The optional methods of inner that are called for each answer, or nil.
	resetter  sqldriver.SessionResetter
	validator sqldriver.Validator

	// Of an inner connection whose reset may be put off: see LazyReset.
	epoch   func() uint64 // nil if it may not
	resetIn uint64        // the epoch of the last reset
	used    bool          // since then
	owed    bool          // it has to be reset before it is used

	unchecked bool // arguments of the coming statement still have to be checked
	discard   bool // the connection must not be used again: see tx.Rollback
}

// Prepare is PrepareContext without a context.
func (c *conn) Prepare(query string) (sqldriver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// PrepareContext prepares query on the inner connection.
func (c *conn) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	inner, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	st, err := prepare(ctx, inner, query)
	if err != nil {
		return nil, err
	}
	return newStmt(c, st, query), nil
}

// prepare falls back as ctxDriverPrepare in database/sql/ctxutil.go.
func prepare(ctx context.Context, inner sqldriver.Conn, query string) (sqldriver.Stmt, error) {
	if p, ok := inner.(sqldriver.ConnPrepareContext); ok {
		return p.PrepareContext(ctx, query)
	}
	st, err := inner.Prepare(query)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		st.Close()
		return nil, err
	}
	return st, nil
}

// QueryContext asks the session, then the inner connection.
func (c *conn) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	if c.discard {
		return nil, sqldriver.ErrBadConn
	}
	if c.unchecked {
		var err error
		if args, err = c.checked(ctx, args, canQuery); err != nil {
			return nil, err
		}
	}
	rows, call, err := c.session.Query(ctx, c.session.Classify(query), args, Direct)
	if rows != nil || err != nil {
		return answer(ctx, c, rows, err)
	}
	if call == nil {
		return c.query(ctx, query, args)
	}
	return reported(ctx, c, call, func() (sqldriver.Rows, error) { return c.query(ctx, query, args) })
}

// query sends the query to the inner connection. It falls back as queryDC and
// ctxDriverQuery in database/sql.
func (c *conn) query(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	inner, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	if q, ok := inner.(sqldriver.QueryerContext); ok {
		return q.QueryContext(ctx, query, args)
	}
	q, ok := inner.(sqldriver.Queryer) //nolint:staticcheck // drivers without contexts are served too
	if !ok {
		return nil, sqldriver.ErrSkip
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return q.Query(query, values)
}

func canQuery(inner sqldriver.Conn) bool {
	switch inner.(type) {
	case sqldriver.QueryerContext, sqldriver.Queryer: //nolint:staticcheck // drivers without contexts are served too
		return true
	}
	return false
}

// ExecContext sends the statement and tells the session how it ended. The
// session classifies the text first: once it ran, the schema may be another.
// It falls back as execDC and ctxDriverExec in database/sql.
func (c *conn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	var err error
	if c.unchecked {
		if args, err = c.checked(ctx, args, canExec); err != nil {
			return nil, err
		}
	}
	inner, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	var (
		legacy sqldriver.Execer //nolint:staticcheck // drivers without contexts are served too
		values []sqldriver.Value
	)
	e, ok := inner.(sqldriver.ExecerContext)
	if !ok {
		legacy, ok = inner.(sqldriver.Execer) //nolint:staticcheck // drivers without contexts are served too
		if !ok {
			return nil, sqldriver.ErrSkip
		}
		if values, err = plainValues(ctx, args); err != nil {
			return nil, err
		}
	}

	sent := execution{session: c.session, stmt: c.session.Classify(query), args: args}
	defer sent.report(ctx)
	var res sqldriver.Result
	if e != nil {
		res, err = e.ExecContext(ctx, query, args)
	} else {
		res, err = legacy.Exec(query, values)
	}
	sent.end(err, err == sqldriver.ErrSkip) //nolint:errorlint // database/sql compares by identity
	return res, err
}

func canExec(inner sqldriver.Conn) bool {
	switch inner.(type) {
	case sqldriver.ExecerContext, sqldriver.Execer: //nolint:staticcheck // drivers without contexts are served too
		return true
	}
	return false
}

// Begin is BeginTx without a context and with default options.
func (c *conn) Begin() (sqldriver.Tx, error) {
	return c.BeginTx(context.Background(), sqldriver.TxOptions{})
}

// BeginTx starts a transaction on the inner connection.
func (c *conn) BeginTx(ctx context.Context, opts sqldriver.TxOptions) (sqldriver.Tx, error) {
	inner, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	t, err := begin(ctx, inner, opts)
	if err != nil {
		return nil, err
	}
	c.session.Begun(opts)
	return newTx(ctx, c, t), nil
}

// begin falls back as ctxDriverBegin in database/sql/ctxutil.go, with its
// texts.
func begin(ctx context.Context, inner sqldriver.Conn, opts sqldriver.TxOptions) (sqldriver.Tx, error) {
	if b, ok := inner.(sqldriver.ConnBeginTx); ok {
		return b.BeginTx(ctx, opts)
	}
	if opts.Isolation != 0 {
		return nil, errors.New("sql: driver does not support non-default isolation level")
	}
	if opts.ReadOnly {
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	t, err := inner.Begin() //nolint:staticcheck // drivers without contexts are served too
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		_ = t.Rollback() // the context's error is the one to report
		return nil, err
	}
	return t, nil
}

// Ping dials and pings the inner connection if it can be pinged.
func (c *conn) Ping(ctx context.Context) error {
	inner, err := c.dial(ctx)
	if err != nil {
		return err
	}
	if p, ok := inner.(sqldriver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

// ResetSession resets the inner connection, if there is one that can be reset,
// or puts that off until it is used.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.resetter == nil {
		return nil
	}
	if c.epoch != nil {
		now := c.epoch()
		if c.owed = !c.used && now == c.resetIn; c.owed {
			return nil
		}
		c.used, c.resetIn = false, now
	}
	return c.resetter.ResetSession(ctx)
}

// use is called before the inner connection is used, and resets it if that was
// put off. database/sql takes ErrBadConn from a statement as it takes it from
// ResetSession: it tries another connection.
func (c *conn) use(ctx context.Context) error {
	c.used = true
	if !c.owed {
		return nil
	}
	c.owed = false
	if err := c.resetter.ResetSession(ctx); errors.Is(err, sqldriver.ErrBadConn) {
		return err
	}
	return nil // database/sql takes no notice of other errors either
}

// IsValid tells whether the pool may keep the connection. database/sql asks at
// the end of every use, which makes it the moment to tell the session. An inner
// connection that was not used is as valid as it was, or else its reset will tell.
func (c *conn) IsValid() bool {
	valid := !c.closed && !c.discard && (c.inner != nil || !c.failed)
	if c.validator != nil && valid && !c.owed {
		valid = c.validator.IsValid()
	}
	c.session.Released()
	return valid
}

// Close closes the inner connection if it was dialled.
func (c *conn) Close() error {
	if !c.closed {
		c.closed = true
		defer c.session.Closed()
	}
	if c.inner == nil {
		return nil
	}
	return c.inner.Close()
}

// Raw implements [RawConn].
func (c *conn) Raw(ctx context.Context, f func(inner sqldriver.Conn) error) error {
	inner, err := c.dial(ctx)
	if err != nil {
		return err
	}
	c.session.Raw()
	defer c.session.Raw()
	return f(inner)
}

// Unwrap implements [RawConn].
func (c *conn) Unwrap() sqldriver.Conn {
	inner, err := c.dial(context.Background())
	if err != nil {
		return nil
	}
	c.session.Raw()
	return inner
}

// SessionOf returns the session behind a connection as (*sql.Conn).Raw hands
// it out, and false for a connection that is not wrapped. It looks behind further
// wrappers that tell what they wrap, as those for tracing do. The inner connection
// is neither dialled nor handed out.
func SessionOf(connection any) (Session, bool) {
	const deep = 8 // a wrapper may lead back to itself
	for range deep {
		switch c := connection.(type) {
		case *conn:
			return c.session, true
		case interface{ Raw() sqldriver.Conn }:
			connection = c.Raw()
		case interface{ Unwrap() sqldriver.Conn }:
			connection = c.Unwrap()
		default:
			return nil, false
		}
	}
	return nil, false
}
