// Package gomysql runs github.com/dolthub/go-mysql-server inside the test
// process: a MySQL that needs no installation, for tests that want MySQL's
// protocol and dialect rather than a particular server.
//
// It is not MySQL. With the storage in memory that is used here, and the version
// that go.mod names:
//
//   - There are no row locks. Transactions read from a snapshot, and a commit
//     replaces what others committed to the same tables since: updates get lost.
//   - There are no savepoints, no temporary tables, no users and grants, and no
//     performance_schema.
//   - Triggers handle no conditions and are not shown in information_schema, and
//     innodb_lock_wait_timeout cannot be set for a session. So livesql's change
//     feed does not run here, and says so; programs run as without one.
//
// Foreign keys with their actions, unique keys, checks, triggers, views,
// ROLLBACK, LAST_INSERT_ID and prepared statements do work. TestWhatIsDifferent
// fails when this list is out of date. For what depends on the missing things,
// coherence above all, there is testdb/server.MariaDB.
package gomysql
