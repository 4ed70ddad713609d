// Package table holds SQL tables in memory, as Go values, and keeps them
// current.
//
//	[Source] ─ Changes: which rows ─→ inbox ─┐
//	         ─ Reading: rows of one moment ──┴→ base ⊕ overlay → version → [LiveTable.Get], [Snapshot], [Index]
//	                                                               └─ differences → [LiveTable.Events], callbacks
//	[LiveTable.Stage]: changes of the program's own ─→ overlay ────┘
//	[LiveTable.Edit]: sessions of package edit ─ what they save ─→ overlay, and by a writer ─→ database
//	[LiveTable.Set], [Table] ─ Apply ─→ [Source]
//
//	all live tables of a table, and the sieve of its queries ─ one reading of the rows that have changed, see rereads.go
//
//	[Watch]: a query ─ run again ─→ base, when its tables have changed, or, if it lists rows of one table:
//	change feed ─ keys ─→ sieve ─ reads these rows once for all queries ─→ mesh ─→ those whom they concern: run again,
//	                                                                          or kept from these rows, see keeping.go
//
//	[Window]: a viewport ─ which rows are missing ─→ [Pages] of an [Ordered] source ─→ frame: total, visible rows
//
// A [LiveTable] begins to follow the changes before it reads the rows, so that
// none falls in between. News name rows, never values; the rows are read again,
// all that may have been changed by the same transactions as of one moment (see
// round.go for why that is so), and published as one version, by one atomic
// store. Readers take no lock, do no I/O and allocate nothing; a version that
// they hold never changes.
//
// What programs see is the base, which only what was read from the source can
// change, under an overlay of changes that are on their way. A change stays in
// the overlay until the base has it, is taken back alone if it fails, and never
// writes an old row back.
//
// Differences between versions are told to subscribers at once, joined by row
// for those who are slow. When there is no room for that, a subscriber is told
// once to look at everything; nothing is ever dropped silently.
//
// Live tables of one table on one [Database], and its queries as far as they are kept
// from rows, have the rows that have changed read by one statement for all of them,
// whatever their conditions, orders and columns, as of one moment, and each goes on at
// its own pace. Where the change log cannot be read in a transaction each one reads
// for itself, and so does one whose key is another than the primary one, whose
// condition makes the database refuse the statement, or which asks for all rows. A
// statement takes as long as the slowest of the conditions that the database has to
// judge in it.
//
// A [View] shows a part of a live table, in an order of its own. A [Window] does
// the same for a table that is not in memory: the rows around a viewport and the
// total, of one moment, too (see windowread.go). Where its rows are follows from no
// row alone: it reads a range of them when any has changed, each window for itself.
//
// # What a reader can rely on
//
// Each version shows one committed state of the set, with the changes in the
// overlay on top: transactions whole, and never an older state than the version
// before. When the source is lost, a table keeps its rows and says so in
// [LiveTable.State]; when it comes back, one version leads to what is so by
// then. A set whose condition depends on other tables, too, is read again when
// these change.
//
// # What it never does
//
// It never writes but when it is told to, never reaches a row outside of the
// set's condition, never calls back under a lock, and never shows half of what
// it reads. It evaluates conditions of queries itself only where it is certain that
// the database would say the same; otherwise the database does.
package table
