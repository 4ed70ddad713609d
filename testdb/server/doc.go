// Package server starts private, real database servers for tests: PostgreSQL,
// MariaDB and Redis, a path for a SQLite file, and a TCP proxy that breaks
// connections on purpose.
//
//	func TestSomething(t *testing.T) {
//		db := server.Postgres(t).DB() // an empty database of its own
//		...
//	}
//
// # Shared servers and owned servers
//
// [Postgres], [MariaDB] and [Redis] hand out one database per call on a server
// that is started by the first call and shared by the whole test binary. The
// database is dropped when the test ends. Tests may run in parallel; what they
// share is only what the server itself has one of (roles, global variables, the
// list of databases). A shared server cannot be stopped or reconfigured.
//
// [OwnPostgres] and [OwnMariaDB] start a [Server] for one test, which may stop,
// kill, restart, freeze and reconfigure it.
//
// The binaries are those of the machine (PATH, then the places where Debian and
// its like put them), or those of the directory named by [BinDir] or by the
// environment variables LIVESQL_POSTGRES_BIN, LIVESQL_MARIADB_BIN and
// LIVESQL_REDIS_BIN. A missing server fails the test with the name of the
// package to install; it never skips it.
//
// # Durability
//
// The servers never flush to disk, which makes them fast, but they hand every
// commit to the operating system before they acknowledge it. An acknowledged
// commit therefore survives [Server.Kill], as it would survive a crash of the
// server process in production. It would not survive a power cut. Where they
// write is in memory on a Linux with some gigabytes to spare in /dev/shm, and in
// TMPDIR if that is set. A server whose settings make it flush is always on a disk.
//
// # Who cleans up
//
// Every server is the child of a supervisor: the test binary itself, started a
// second time in a special mode (see supervise.go). The supervisor holds the
// reading end of a pipe whose only writing end is in the test process. When
// that end closes, because the test is done or because the process panicked,
// exited or was killed, the supervisor kills the server with all its
// descendants and removes its directory. Nothing depends on a deferred call.
//
// No goroutine outlives a call into this package, except those of the pools that
// [Database.DB] returns (closed when the test ends) and those of a [Proxy].
//
// # What it must never do
//
// It imports the standard library and database drivers, and nothing of livesql:
// everything else is tested with it. It works on Unix systems only; on Linux
// the clean-up also covers descendants that left their process group.
package server
