package conform

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"testing"

	"github.com/vantage-go/live/listen"
)

// Engine describes one kind of database to the suites. Fields that are not
// marked as optional must be set, or their [Feature] be in Lacks.
type Engine struct {
	// Name is for reports.
	Name string

	// Open creates an empty database for one check: the tables of [Schema],
	// with capture installed in all of them. Everything that it opens is to be
	// closed with tb. It is called from the test's goroutine.
	Open func(tb testing.TB) *Database

	// Upsert is the clause that makes
	//
	//	INSERT INTO item(id, grp, note, ver) VALUES (…) ‹Upsert›
	//
	// set ver of the rows that exist already.
	Upsert string

	// Uncover lists the statements that take capture from the table item, as a
	// careless program would do: by dropping or disabling triggers. They are
	// executed one by one.
	Uncover []string

	// Swap lists the statements that put another table with the columns of
	// item into its place, uncaptured. Optional: without it, the suite creates
	// a table and renames both.
	Swap []string

	// Cap is the largest number of rows of one statement that is told by keys.
	// A statement on more must come as a mark.
	Cap int

	// Truncate is the statement that empties the table scratch other than by
	// DELETE.
	Truncate string
	// TruncateUnseen: that fires no trigger. It is told by the polls that look
	// at the capture.
	TruncateUnseen bool

	// Prepared is how a transaction is prepared and committed in two steps.
	Prepared *Prepared

	// Naive is the DDL of a table trace(id, k), whose id the database counts up
	// by itself and whose k is an INTEGER. A reader that follows it by
	// "id > last" must lose rows: see [Race].
	Naive string

	// Composite turns the values of a key with several columns into the key
	// that the source delivers. Optional: without it, the suite expects the
	// []any of listen.Change.
	Composite func(values ...any) any

	// Extras are further ways to write that this engine has. Optional.
	Extras []Extra

	// Lacks says of each feature that the engine does not have, why. What is
	// named here is not checked.
	Lacks map[Feature]string
}

// Feature is something that not all engines have.
type Feature string

// The features.
const (
	// ConcurrentWriters: two transactions can have written at the same time.
	ConcurrentWriters Feature = "concurrent writers"
	// Capped: statements on many rows come as a mark (Engine.Cap).
	Capped Feature = "cap"
	// Truncation: Engine.Truncate.
	Truncation Feature = "truncate"
	// TwoPhase: Engine.Prepared.
	TwoPhase Feature = "two-phase commit"
	// CrossTokens: the source is a [listen.Tokens].
	CrossTokens Feature = "tokens"
	// Freezing: Database.Freeze.
	Freezing Feature = "freeze"
	// NaiveCursor: Engine.Naive, which loses rows.
	NaiveCursor Feature = "naive cursor"
)

// Database is an empty database with capture installed.
type Database struct {
	// DB is a pool of a program that knows nothing of livesql, for up to as
	// many connections as a race has writers.
	DB *sql.DB

	// Schema is the schema that the tables of changes are in.
	Schema string

	// Source returns a new source, which shares with others what another
	// process would share, and no more. It must not install anything by
	// itself.
	Source func() listen.Source

	// Install puts capture back on every table that has lost it, as `livesql
	// install` does.
	Install func(ctx context.Context) error

	// Prune removes every row of the log, however young it is, as the engine
	// prunes old ones. No transaction of this database is open then; where
	// those of others on the same server keep rows alive, it waits for them.
	Prune func(ctx context.Context) error

	// Freeze makes the database stop answering the connections of its sources,
	// without closing them, until thaw is called.
	Freeze func() (thaw func())
}

// Prepared lists the statements of a two-phase commit. They are executed on
// one connection; {name} in them stands for the name of the transaction.
type Prepared struct {
	Begin, Prepare, Commit, Rollback []string
}

// Extra is a way to write that only some engines have: a bulk load, a MERGE, a
// write to a partition, a swap of tables.
type Extra struct {
	Name string

	// Write writes on conn and returns when what it wrote is committed. It is
	// given ids of the table item that are its own: those in old exist, those
	// in fresh do not; neither is used afterwards. It returns the rows that it
	// has changed. An error says that nothing was committed.
	Write func(ctx context.Context, conn *sql.Conn, old, fresh []int64) ([]Row, error)

	// Voids allows the source to answer by a reset, or by marks on tables that
	// are otherwise told by keys, and no sooner than by a poll that looks at
	// the capture.
	Voids bool
}

// Row is a row that was changed.
type Row struct {
	Table string // as in [Database.Schema]
	// Key is what listen.Change says. Without one, the row may only be told by
	// a mark.
	Key any
}

// Schema returns portable DDL of the tables that the suites use. An engine may
// use other types with the same meaning, and add tables for its extras.
//
// The keys of item, pair.a, parent and child must be delivered as int64, those
// of word and pair.b, which compare by their bytes, as string.
func Schema() []string {
	return []string{
		"CREATE TABLE item (id INTEGER NOT NULL PRIMARY KEY, grp INTEGER NOT NULL, note VARCHAR(60), ver INTEGER NOT NULL)",
		"CREATE TABLE word (name VARCHAR(60) NOT NULL PRIMARY KEY, ver INTEGER NOT NULL)",
		"CREATE TABLE pair (a INTEGER NOT NULL, b VARCHAR(30) NOT NULL, ver INTEGER NOT NULL, PRIMARY KEY (a, b))",
		"CREATE TABLE loose (v INTEGER NOT NULL, ver INTEGER NOT NULL)",
		"CREATE TABLE parent (id INTEGER NOT NULL PRIMARY KEY, ver INTEGER NOT NULL)",
		"CREATE TABLE child (id INTEGER NOT NULL PRIMARY KEY, parent INTEGER NOT NULL, ver INTEGER NOT NULL," +
			" FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE)",
		"CREATE TABLE scratch (id INTEGER NOT NULL PRIMARY KEY, ver INTEGER NOT NULL)",
		"CREATE TABLE pile (id INTEGER NOT NULL PRIMARY KEY, ver INTEGER NOT NULL)",
	}
}

// Tables returns the names of the tables of [Schema].
func Tables() []string {
	return []string{"item", "word", "pair", "loose", "parent", "child", "scratch", "pile"}
}

// swapStatements are Swap's, portable.
func (e *Engine) swapStatements() []string {
	if len(e.Swap) > 0 {
		return e.Swap
	}
	return []string{
		"CREATE TABLE item_coming (id INTEGER NOT NULL PRIMARY KEY, grp INTEGER NOT NULL, note VARCHAR(60), ver INTEGER NOT NULL)",
		"ALTER TABLE item RENAME TO item_gone",
		"ALTER TABLE item_coming RENAME TO item",
	}
}

// composite is the key of several values.
func (e *Engine) composite(values ...any) any {
	if e.Composite != nil {
		return e.Composite(values...)
	}
	return values
}

// lacks reports whether the engine does not have a feature.
func (e *Engine) lacks(f Feature) bool {
	_, lacks := e.Lacks[f]
	return lacks
}

// problems says what is missing in the description. An engine that forgot a
// field would pass without having been checked.
func (e *Engine) problems() []string {
	var all []string
	missing := func(missing bool, what string) {
		if missing {
			all = append(all, what)
		}
	}
	missing(e.Name == "", "Name is not set")
	missing(e.Open == nil, "Open is not set")
	missing(e.Upsert == "", "Upsert is not set")
	missing(len(e.Uncover) == 0, "Uncover is not set")
	for feature, absent := range map[Feature]bool{
		Capped: e.Cap == 0, Truncation: e.Truncate == "", TwoPhase: e.Prepared == nil, NaiveCursor: e.Naive == "",
	} {
		missing(absent != e.lacks(feature), string(feature)+": either it is set or Lacks says why not")
	}
	for _, feature := range slices.Sorted(maps.Keys(e.Lacks)) {
		missing(e.Lacks[feature] == "", string(feature)+": Lacks does not say why")
	}
	slices.Sort(all)
	return all
}

// open opens a database of the engine.
func (e *Engine) open(tb testing.TB) *Database {
	tb.Helper()
	if problems := e.problems(); len(problems) > 0 {
		tb.Fatalf("conform: the description of the engine is not complete: %q", problems)
	}
	db := e.Open(tb)
	if db.DB == nil || db.Source == nil || db.Install == nil || db.Prune == nil || (db.Freeze == nil) != e.lacks(Freezing) {
		tb.Fatalf("conform: the database of %s is not complete", e.Name)
	}
	return db
}
