// Package conformlocks holds what the analysis of a statement says that it reads
// and writes against the locks that the server takes for it: on tables named in
// the statement, behind a view, in a function, or reached by a trigger or a
// foreign key.
//
//	statement ─┬→ transaction, rolled back → [Server.Locks] ─┐
//	           └→ [Meaning.Analyze] ─────────────────────────┴→ [Score]: what the analysis has missed
//
// A dialect tells in a [Server] how it lists the locks of a transaction, and
// what an analysis means in a [Meaning]. [Statements] judges a schema and
// statements made for it, and shows that analyses with something forgotten are
// caught. [Session] judges the scripts of a database's own test suite.
package conformlocks
