// Package cache is the coherent read-through cache: the [driver.Session]
// behind every wrapped connection of one handle, and the store that they
// share.
//
//	read  → statement (memo) → key → entry alive, lease valid? ─ yes → rows from the entry
//	                                   └ no → ticket, flight → database → record → commit the ticket → store
//	write → database → acknowledged → invalidate → the caller learns the outcome
//	feed  → Apply(batch) → invalidate → only then renew the lease
//
// What may be stored and served is decided in package core; what a statement
// means, by a dialects.Analyzer; what has changed elsewhere, by a listen.Feed.
// This package carries their answers to the connections.
//
// It never sends a statement of its own, never keeps a connection, and never
// waits for the feed: a read that cannot be answered goes to the database.
package cache
