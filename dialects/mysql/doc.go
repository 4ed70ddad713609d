// Package mysql makes MySQL and MariaDB databases live, with
// github.com/go-sql-driver/mysql under the names "mysql" and livesql-mysql. It
// is written for MySQL 8.0 and later and MariaDB 10.3 and later; the tests run
// on MariaDB.
//
// # Capture
//
// Row triggers write the key of every changed row to livesql_log in the
// writer's own transaction, whichever program writes. They run as their
// definer, so writers need no rights on livesql's tables, and they change
// neither the writer's LAST_INSERT_ID nor its row counts. What a foreign key
// changes by itself fires no trigger here: the triggers of the parent mark all
// tables that it can reach, and where those are missing, none of these tables
// counts as covered.
//
// Two things a program can notice on MariaDB, seen with 10.11. After
// UPDATE … SET x = LAST_INSERT_ID(expr), the protocol reports an insert id of 0
// to the client, as with any trigger, and SELECT LAST_INSERT_ID() still the
// right one. And after LOCK TABLES t WRITE, the first write to t fails with
// error 1442 if a statement without the function livesql_tidy read the log just
// before: livesql's have it where they can, see host.tidy.
//
// # Polling
//
// A log row has no place in the order of commits until somebody gives it one:
// ids are handed out before the commit, and holes may or may not be filled
// later. So a row is born without a batch, is reported by the first poll that
// sees it, and is later stamped with the number of a batch; see cursor.go for
// why nothing is missed. There is no bell: the feed polls, slower while
// nothing happens.
//
// The polls, the stamping and the installing use connections of their own, and
// a connection of the program is never touched.
//
// # Rights
//
//   - Writers need nothing.
//   - The feed needs SELECT on the whole database, and TRIGGER, without which
//     the server shows no triggers. Without SHOW VIEW it is not shown what views
//     are, and reads of them are not kept. Stamping, which one process has to do,
//     needs UPDATE on livesql_head and UPDATE and DELETE on livesql_log; on
//     MariaDB SELECT … FOR UPDATE needs no more.
//   - Whoever loses the right to read is no longer answered from memory. The feed
//     sees that of its own account, and with SELECT on the database mysql that of
//     all: see rights.go. A right on a whole database that is revoked holds for
//     new connections only, in the server as well.
//   - With PROCESS the feed sees TRUNCATE and exchanged partitions, which fire
//     no trigger; without it they go unnoticed.
//   - Installing needs CREATE, SELECT, INSERT, UPDATE, DELETE, DROP and TRIGGER
//     on the database, and on MariaDB CREATE ROUTINE for livesql_tidy, of which
//     the feed needs EXECUTE; it goes without. With binary logging on, creating triggers further needs
//     log_bin_trust_function_creators = 1, or SUPER.
//   - The account that installs is the definer of the triggers: while they
//     exist it must, and must keep its rights, or writes fail. On MariaDB these
//     have to be its own, not those of a role: triggers run without them.
//
// # Statements
//
// Analyze takes the names of a text for those of tables where they may be, and
// follows them through views, triggers, computed columns and foreign keys as
// the catalogue has them. A read is kept only if every table that it names is
// one of the feed's database, covered, and if everything that it runs depends
// on its arguments and on the settings of its session alone. Those are part of
// the key: see Probe.
//
//	text ─→ words ─→ names ─→ catalogue: views, computed columns ─→ Reads
//	                        └→ catalogue: triggers, foreign keys  ─→ Writes
//
// What is not known (functions that are stored or loaded, procedures in
// triggers, other databases, hidden definitions) counts as writing everything.
package mysql
