// Package sqlstore is the [edit.Store] of SQL databases: Postgres, MySQL,
// MariaDB and SQLite.
//
//	operations of one batch ─ runs of one table and one set of columns → one statement each ─┐
//	groups ─ savepoint, statement by statement ───────────────────────────────────────────────┴→ one transaction
//	rows that were not written → locked, read, merged by the operation → written, or an outcome of their own
//	what the database refuses → found by the error's detail, else by halves → the rest is written
//
// A row is written only if it has the version, or the values, that the
// operation was made on; whether it was is told by the row that comes back,
// never by the version alone. New rows are matched with their operations by
// key, and on MariaDB, which makes the keys itself, by all the values that were
// sent; never by order. When the connection is lost in a COMMIT, Postgres is
// asked what became of the transaction; elsewhere the writer looks at the rows.
//
// On Postgres, a batch of updates or deletes that one statement does is a transaction
// by itself, without BEGIN and COMMIT around it, where the table has a primary key and
// nothing is counted up, so that it can be seen from the rows what was done, and there
// is no ledger. Many rows come back with the mark of their transaction: if the
// connection is lost behind them, the server is asked as for a COMMIT, and if it is
// lost before, the writer looks at the rows. What the database refuses of such a batch
// is found out in a transaction.
//
// With [VersionsCounted], an update on Postgres and SQLite needs no row back whose
// outcome is determined: the table counts its versions in a column, has a
// primary key, and no trigger of updates but those of a change feed, no rule and no
// column that the database writes, and the values are ones that it keeps as they are
// sent: integers, truth values, texts, bytes, float64 in double precision, UUIDs
// spelled as the database does. That is looked at in the statement itself, or under
// the lock that it has: a trigger that is made counts from the next save on.
//
// What is a transaction by itself is not cancelled through lib/pq, which would start a
// goroutine for it: the server gives it up after the time that a batch has, and is
// asked to over another connection of the pool when the writer is ended before.
//
// Statements of SQLite on tables without triggers are not interrupted either: they
// write up to 128 rows, and wait for the lock for as long as [LockWait] says. A
// context that ends is heard between them.
//
// The package makes statements and understands errors; it merges nothing, and
// retries nothing but what it has to isolate. It imports no driver.
package sqlstore
