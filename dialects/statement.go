package dialects

// Flavor is a family of databases with one lexical grammar.
type Flavor uint8

// The flavors. Pgx and lib/pq share Postgres; MariaDB and MySQL share MySQL.
const (
	SQLite Flavor = iota
	Postgres
	MySQL
)

// Kind is what a statement does, as far as its words tell.
type Kind uint8

// The kinds, from harmless to unknown. Of a text with several statements the
// greatest kind counts.
const (
	// Read is a statement that by its words can only read: it starts with
	// SELECT, WITH, VALUES or TABLE, holds no word that writes and no lock
	// clause. A function that it calls may still write.
	Read Kind = iota
	// Bypass reads, or changes nothing that a result could depend on, but its
	// own result must come from the database each time: SHOW, EXPLAIN without
	// execution, PRAGMA that only asks, SELECT … FOR UPDATE, LISTEN.
	Bypass
	// Control starts, ends or divides a transaction; see [Effect].
	Control
	// Session changes what later statements on this connection mean: SET,
	// temporary tables, ATTACH, locks; see [Scan.Taint].
	Session
	// Write changes rows: INSERT, UPDATE, DELETE, REPLACE, MERGE, TRUNCATE,
	// COPY … FROM, LOAD DATA, also inside WITH.
	Write
	// Schema changes tables, views, triggers, functions or rights.
	Schema
	// Unclear is everything else. It counts as writing everything.
	Unclear
)

// Effect is what one statement does to the transaction of its connection.
type Effect uint8

// The effects.
const (
	NoEffect Effect = iota
	// Begins: BEGIN, START TRANSACTION. A transaction that
	// was open (MySQL) is committed first.
	Begins
	// Commits: COMMIT, END, an implicit commit (MySQL DDL, LOCK TABLES).
	Commits
	// MayCommit: UNLOCK TABLES (MySQL), which commits where tables are locked, and
	// leaves the transaction open otherwise; CACHE INDEX and LOAD INDEX, which commit
	// in MySQL, by its manual, and not in MariaDB.
	MayCommit
	// CommitsAndBegins: COMMIT AND CHAIN.
	CommitsAndBegins
	// RollsBack: ROLLBACK, ABORT. Not ROLLBACK TO, which ends nothing.
	RollsBack
	// RollsBackAndBegins: ROLLBACK AND CHAIN.
	RollsBackAndBegins
	// Prepares: PREPARE TRANSACTION, XA PREPARE. The transaction leaves the
	// connection and may be committed from elsewhere at any time.
	Prepares
	// Saves opens a savepoint. Outside a transaction it begins one in SQLite
	// (and RELEASE of the outermost savepoint commits it).
	Saves
	// Releases: RELEASE SAVEPOINT.
	Releases
	// AutocommitOff: SET autocommit=0 (MySQL). From then on there is always a
	// transaction: what ends one also begins the next.
	AutocommitOff
	// AutocommitOn: SET autocommit=1. It commits what is open if autocommit was off,
	// and does nothing otherwise.
	AutocommitOn
)

// Scan is what the words of a text tell, without any knowledge of the database
// it is meant for.
type Scan struct {
	// Kind is the greatest kind of the text's statements.
	Kind Kind
	// Why says in a few words why Kind is not Read, or is empty.
	Why string
	// Statements is the number of statements, not counting empty ones.
	Statements int
	// Effects lists the transaction effects in order, without NoEffect.
	Effects []Effect
	// Taint says what the text changes in the session that outlives it and
	// is not known to be harmless, or is empty. Words for people.
	Taint string
	// Settings reports that the text may change settings of the session that
	// results depend on and that can be asked for: which user, schemas, formats
	// and modes there are.
	Settings bool
	// Spelling reports that the text may change settings of Postgres that decide what
	// a text means, such as TimeZone, if only for its transaction.
	Spelling bool
	// Moves reports that names without a schema may mean those of another
	// database from now on, also in the rest of the text: USE.
	Moves bool
	// Names holds every identifier and every quoted name of the text, folded
	// and unquoted as the flavor does it, each once, in order of appearance:
	// a superset of the tables, views, columns and functions it can name.
	Names []string
	// Calls holds the names of Names that stand directly before an opening
	// parenthesis, plus function-like words that need none (CURRENT_USER).
	// A superset of the functions that the text calls by name.
	Calls []string
}
