// Package sqlite makes SQLite databases live. The default inner driver is
// modernc.org/sqlite; any other driver that opens the same file works through
// livesql.OpenDB, with a coarser analysis.
//
// # Capture
//
// Triggers write one row per changed row, with its key, to livesql_log in the
// writer's own transaction, whichever program writes. SQLite has one writer at
// a time, so the rows' ids follow the order of commits and a plain cursor is
// exact. Each log row carries a random nonce: a cursor that no longer finds
// its row with its nonce knows that the log was pruned, restored or replaced,
// and starts afresh. The log prunes itself to its newest rows, in the writer's
// transaction too.
//
// # Polling
//
// A dedicated connection asks PRAGMA data_version, which moves when any other
// connection has committed; only then it reads the log and the schema version,
// in one read transaction.
//
// # Analysis
//
// Another dedicated connection prepares each text once, without running it,
// under an authorizer: SQLite itself tells the tables, views, triggers and
// functions that the text would use. Its answer must stay within what the
// words of the text allow.
//
// In-memory databases are not made live: every connection has its own.
package sqlite
