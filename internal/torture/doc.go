// Package torture checks the coherence of a live handle against the truth.
//
//	writer processes ──┐ plain driver, one ledger each: what was committed, and between which instants
//	own writers ───────┼→ SQLite file → feed → cache → readers: which answer, between which instants
//	killed, restarted ─┘                                        │
//	                       ledgers → History ──────────────────→ Judge → Report
//
// Every transaction takes its number from a row of the database, so numbers
// follow the order of commits whoever commits. With the contents that each
// transaction left behind, the history is the exact answer to every question
// at every number. An answer is judged right when it was the current one at
// some instant between the start of the read less the lease and the end of the
// read, and not older than what this process had been told to be committed. The
// one exception is that of the README: what a write changes through a partition
// that another program has attached within the lease.
// Instants are readings of the one monotonic clock of the machine, so no bound
// is blurred by clocks.
//
// Nothing is judged while the run lasts: readers and writers only write down.
// The package starts processes by running its own program again; see [Main].
package torture
