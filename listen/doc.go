// Package listen follows the change log of one database and tells its
// consumers, in order and without gaps, what has changed.
//
//	Source → Reader.Poll(cursor) → Delta ─┐
//	                                      ├→ Feed: state, lease, order → Batch → every Consumer
//	doorbell, local commit → Feed.Poke  ──┘
//
// The log is the truth and the poll is the heartbeat. A [Source] belongs to
// one kind of database; it keeps rows of the log and hands out an exact cursor.
// The [Feed] knows no database: it polls when something rang or the interval
// is over, numbers the answers, applies each to its consumers and only then
// calls itself live as of the time at which the poll was sent. When a poll
// fails it reconnects and goes on from the cursor it had; when the log cannot
// prove that nothing is missing, it says so with a reset instead of guessing.
//
// The feed never blocks on the network while a consumer waits, never drops a
// change silently and never runs consumers concurrently.
package listen
