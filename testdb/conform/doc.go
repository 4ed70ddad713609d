// Package conform holds the conformance suites that every implementation of an
// interface of livesql must meet, whatever database is behind it.
//
//	Engine ─ Open ─→ Database: a pool of a plain program, and sources like those of other processes
//	                    │                                   │
//	      known writes ─┘           polls, by hand ─────────┴→ Source: one check per promise
//	      random writers → ledger ─┬─ continuous polls ───────→ Race: every commit, in time
//	                               └─ naive id cursor ────────→        (which must lose some)
//	      paced writers  → listen.Feed → subscriber ──────────→ Latency, Throughput, Idle: figures
//
// A test of a dialect describes its database in an [Engine] and calls [Source]
// and [Race] with it:
//
//	func TestSource(t *testing.T) { conform.Source(t, engine()) }
//
//	func TestRace(t *testing.T) {
//		conform.Race(t, engine(), conform.RaceOptions{})
//	}
//
// [Source] is exact: after each write it asks for one poll, and what the poll
// says must be what was written. [Race] writes down what many concurrent
// writers have committed, and when they were told so; afterwards it looks up
// each row in the polls that may deliver it, the last of which is the first
// one that was sent after the commit was acknowledged.
//
// The figures of [Latency], [Throughput] and [Idle] are returned and not
// judged: a test holds them against bounds only if [Long] says so.
//
// The package issues plain SQL on its own tables ([Schema]); what an engine
// spells differently is in its [Engine], and what it does not have in
// [Engine.Lacks], with the reason. The package knows no database, never looks
// into a log or a cursor, and imports nothing above what it tests. All checks
// take a testing.TB, so that sources that are broken on purpose can be shown to
// fail: the tests of this package do so.
package conform
