package driver

import (
	"context"
	sqldriver "database/sql/driver"
)

// Hooks is the policy behind a wrapped connector. A nil Hooks is no policy:
// everything goes to the inner driver.
type Hooks interface {
	// Open returns the session of a new connection of the pool. Nothing has
	// been dialled yet. Open must not block.
	Open() Session
}

// Session is the policy of one connection of the pool. database/sql uses a
// connection from one goroutine at a time, so its methods are never called
// concurrently; they run while database/sql holds the connection and must not
// use the *sql.DB they belong to.
type Session interface {
	// Dialed reports the inner connection, once, before its first use. An
	// error closes the connection and is what the statement that needed it
	// returns. If the program then uses the same connection again, which only
	// the holder of a *sql.Conn can, another one is dialled and reported.
	Dialed(ctx context.Context, inner sqldriver.Conn) error

	// Takes reports whether the inner driver does with an argument what
	// database/sql does by itself (driver.DefaultParameterConverter): its
	// connections and statements have neither a checker nor a converter of their
	// own, or leave such values alone. It sees the program's own values (int, not
	// int64). The inner driver is not asked about such values, and a shell needs no
	// connection for them before Query was asked. For all others it dials first, has
	// the inner driver check them and asks with the result.
	Takes(v any) bool

	// Classify returns what the session knows of a text. It is called for
	// every execution and must be cheap when the text was seen before.
	Classify(query string) Statement

	// Query is asked before a statement is sent as a query. It returns rows
	// (the inner driver is not asked), or an error (which the caller gets), or
	// a Call that is told what the inner driver answers, or nothing: the inner
	// driver's answer is then returned as it is. The error must not be ErrSkip
	// or ErrBadConn, for which database/sql sends the statement again. args
	// must not be kept or changed.
	Query(ctx context.Context, st Statement, args []sqldriver.NamedValue, via Path) (sqldriver.Rows, Call, error)

	// Executed reports that a statement was sent with Exec and how it ended.
	// It is called before the caller learns the outcome. An error does not
	// mean that nothing was written. What a connection answered with ErrSkip
	// is not reported: nothing was sent, and the statement will arrive again as
	// a prepared one. A driver that panics is reported with an error.
	Executed(ctx context.Context, st Statement, args []sqldriver.NamedValue, err error)

	// Begun reports a transaction that BeginTx started.
	Begun(opts sqldriver.TxOptions)

	// Ended reports how the transaction that BeginTx started has ended. It is
	// called before the caller learns the outcome.
	Ended(o Outcome)

	// Raw reports that the inner connection (or a statement, a transaction or
	// rows of it) was handed out. From now on the connection may have written
	// and set anything.
	Raw()

	// Released reports that the pool took the connection back.
	Released()

	// Closed reports that the connection is gone. It is called once.
	Closed()
}

// Statement is what a [Session] knows of one statement text. Its content is
// the session's own; the wrapper only carries it from Classify to the calls
// that follow.
type Statement any

// Call is told what the inner driver answered to one query. Exactly one of its
// methods is called, once.
type Call interface {
	// Rows receives the inner driver's rows and returns those that the caller
	// gets. The Call owns the inner rows from then on. The statement was sent:
	// an error must not be ErrSkip or ErrBadConn, for which database/sql sends
	// it again. What the inner rows answer while they are read ahead is best
	// replayed by the rows that are returned.
	Rows(ctx context.Context, inner sqldriver.Rows) (sqldriver.Rows, error)

	// Failed receives the error instead of rows, also when the inner
	// connection could not be dialled or the driver panicked. ErrSkip on the
	// Direct path means that the statement was not sent: it will arrive again
	// as a prepared one.
	Failed(err error)
}

// Path tells how a query reached the inner driver. Drivers with two protocols
// deliver other types on each.
type Path uint8

// The paths of a query.
const (
	Direct   Path = iota // Conn.QueryContext
	Prepared             // Stmt.QueryContext
)

// Outcome tells how a transaction ended.
type Outcome uint8

// The outcomes of a transaction.
const (
	// Unknown: Commit or Rollback failed. The transaction may have committed.
	Unknown Outcome = iota
	Committed
	RolledBack
)
