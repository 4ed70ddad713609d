// Package driver is the invisible wrapper around another database/sql/driver.
//
// database/sql calls the wrapper, the wrapper asks a [Session], and either the
// session answers or the inner driver does:
//
//	database/sql → conn.QueryContext → Session.Classify → Session.Query ─ answered → Rows
//	                                                        │ not answered
//	                                                        └→ inner driver → Call.Rows → Rows
//
// One Session belongs to one connection of the pool. It sees every statement,
// every end of a transaction and every hatch through which the inner
// connection was handed out; it alone decides. What a statement means is never
// looked at here: the session classifies the text, the wrapper carries the
// answer around. Without [Hooks] the wrapper runs the same code with a session
// that never answers, and is then indistinguishable from the inner driver.
//
// A connection is a shell until a statement needs the database: only then is
// the inner connection dialled (see [Wrap] and [Eager]).
//
// The package imports the standard library only, never database/sql and never
// a driver, so that it can be linked into a driver's own tests.
package driver
