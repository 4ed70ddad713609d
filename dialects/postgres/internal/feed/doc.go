// Package feed follows the changes of PostgreSQL databases, and installs what
// captures them, over whichever driver it is given (see package inner).
//
// # Capture
//
// Statement triggers write one row per statement to livesql.log, with the keys
// of the changed rows, in the writer's own transaction and whichever program
// writes. A statement that changes many rows, or rows of a table whose keys
// have no one spelling, marks the table as a whole. The log has no sequence,
// and writers need no new grants.
//
// # Polling
//
//	Poll(cursor) → one statement: snapshot, epoch, floor, fingerprint, rows
//	                 │ does it prove that nothing is missing? no → Reset
//	                 │ is the capture as it was? no → schema, catalogue, Reset or marks
//	                 └→ changes, and the snapshot as the next cursor
//
// The cursor is a snapshot: what was committed between two of them is the
// delta, exactly, and a transaction that runs for long holds nothing up (see
// question). The epoch tells of crashes, promotions and restores, the floor of
// rows that were pruned. A fingerprint of the catalogue tells, several times a
// second, that every trigger is still in its place.
//
// # Bell
//
// A second connection listens for NOTIFY and only ever says "look now". Writers
// ring only while some reader sleeps, which readers say by a lock that they share
// (see sleeper); one that finds something with every poll does without. It
// counts as a bell that works only while it hears the probes that the polls
// send; nothing depends on it but how soon a poll comes.
//
// # What it never does
//
// The feed takes no connection from the program's pool, asks nothing of a
// connector whose driver it does not know, and never waits for a dead network
// longer than its context. It runs on primaries only. The code is the same for
// both drivers; what they differ in is in internal/inner.
package feed
