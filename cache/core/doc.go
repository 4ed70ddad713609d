// Package core is the part of the cache that decides what may be stored and
// what may be served. A [Core] holds no rows, does no I/O, reads no clock and
// starts no goroutine: every input is an argument, so that it can be checked
// against a model. Its callers read theirs with a [Clock].
//
//	Begin ─ before the read is sent ─→ ticket, registered under its tables
//	Commit ─ after the last row ─────→ entry, unless the ticket was poisoned
//	Invalidate ─ a write, a change ──→ kills entries and poisons tickets of its tables
//	Renew ─ after a poll was applied → moves the lease to that poll's send time
//	Reset ─ completeness is lost ────→ everything older is dead, in O(1)
//	Revoke ─ meanings may be wrong ──→ Reset, and no lease from a poll sent earlier
//
// # Why it is right
//
// Let a read r run against the database and a write w commit there. If r did
// not see w, then w committed after r's snapshot, hence after Begin. Whoever
// reports w, the writer after its acknowledgement or a poll of the change
// feed, calls Invalidate after the commit: after Begin, when r's ticket is
// registered. It finds the ticket and poisons it, or finds the entry that the
// ticket became and kills it. So no entry that misses w outlives the report of
// w. Reports of foreign writes come with polls, and Renew follows them: an
// entry that is served within the lease misses only writes younger than the
// lease.
//
// A read may depend on rows of a table that are known by their keys, and w may
// tell the keys that it changed: then only reads of these rows are concerned. A
// read whose result is empty depends on the whole table, and so its ticket
// remembers that other rows changed meanwhile.
//
// The order of calls carries the proof, and each step has a test that breaks
// it: a fill without a ticket, an invalidation before the acknowledgement
// instead of after it, a lease renewed before the changes were applied.
package core
