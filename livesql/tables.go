package livesql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"sync"
	"time"

	"github.com/vantage-go/live/table"
)

// The parts of package table that programs use, under one roof.
type (
	// LiveTable is a table held in memory and kept current.
	LiveTable[K comparable, T any] = table.LiveTable[K, T]
	// Table is a table, or a part of one, of which every call asks the
	// database.
	Table[K comparable, T any] = table.Table[K, T]
	// TableOption configures a table.
	TableOption = table.Option
	// TableState tells how far a live table can be trusted.
	TableState = table.State
	// TableSnapshot is one consistent version of a live table.
	TableSnapshot[K comparable, T any] = table.Snapshot[K, T]
	// TableBatch is what has happened to the rows of a live table since the
	// last one.
	TableBatch[K comparable, T any] = table.Batch[K, T]
	// TableDiff is the difference that a change has made to one row.
	TableDiff[K comparable, T any] = table.Diff[K, T]
	// LiveQuery is the result of a SELECT, held in memory and kept current.
	LiveQuery[T any] = table.LiveQuery[T]
	// Window shows a part of a table that is too large to be held in memory.
	Window[K comparable, T any] = table.Window[K, T]
	// DataSet is a set of rows that can be read and changed.
	DataSet[K comparable, T any] = table.DataSet[K, T]
	// Record is a row of which no Go type is known: values by column.
	Record = table.Record
)

// OpenTable returns a live table of the rows of a table, or of those that meet
// the conditions of [Where]: its reads are answered from memory without a lock,
// and it tells what changes, by whomever. Rows are structs with `db` tags as
// sqlx has them; the key is what is tagged with pk, or else the primary key of
// the table. Ctx bounds the loading only.
//
// Errors are those of [table.OpenTable].
func OpenTable[K comparable, T any](ctx context.Context, db *DB, name string, opts ...TableOption) (*LiveTable[K, T], error) {
	return table.OpenTable[K, T](ctx, db.handle.tables.database(db.handle), name, opts...)
}

// NewTable returns a table of which nothing is kept by it: every call asks the
// database, whose answers the cache does not see. Options are Where, OrderBy
// and Columns.
func NewTable[K comparable, T any](ctx context.Context, db *DB, name string, opts ...TableOption) (*Table[K, T], error) {
	return table.OpenPlain[K, T](ctx, db.handle.tables.database(db.handle), name, opts...)
}

// OpenWindow returns a window on a table of which not all rows are to be held in
// memory: it knows how many there are, and has those that are visible, which
// [table.Window.SetViewport] says. They are kept current as those of a live table
// are. Ctx bounds the loading of the first page only.
//
// Options are Where, OrderBy, Columns, PollEvery and PageSize, and those of
// [table.OpenWindow], which tells the errors, too.
func OpenWindow[K comparable, T any](ctx context.Context, db *DB, name string, opts ...TableOption) (*Window[K, T], error) {
	return table.OpenWindow[K, T](ctx, db.handle.tables.database(db.handle), name, opts...)
}

// Watch returns the live result of a query, which is run again when a table that
// it depends on has changed; one that lists rows of a single table by the values
// of its columns, only for changes that concern it. The columns that are tagged
// with pk tell its rows apart. Queries that are watched twice run once. Ctx bounds
// the loading only.
//
// Errors are those of [table.Watch].
func Watch[T any](ctx context.Context, db *DB, query table.Query, opts ...TableOption) (*LiveQuery[T], error) {
	return table.Watch[T](ctx, db.handle.tables.database(db.handle), query, opts...)
}

// Query is a SELECT with its arguments, with the placeholders of the database,
// for [Watch].
func Query(text string, args ...any) table.Query { return table.Query{Text: text, Args: args} }

// Where makes a table consist of the rows that meet a condition, in SQL with
// question marks for args, whatever the database. It narrows what is read and
// what any change through the table can reach.
func Where(condition string, args ...any) TableOption { return table.Where(condition, args...) }

// OrderBy sets the order of Ascend and List, and of a window, by columns, each with
// DESC behind it or not.
func OrderBy(columns ...string) TableOption { return table.OrderBy(columns...) }

// Columns makes only these columns be read, and those of the key.
func Columns(names ...string) TableOption { return table.Columns(names...) }

// PollEvery makes a live table read all of its rows every d. It is for tables
// whose changes nobody captures.
func PollEvery(d time.Duration) TableOption { return table.PollEvery(d) }

// StoreIn makes a live table keep its rows in a store, and start with what is kept
// there: in a file (table/bboltstore) or in Redis (table/redisstore), which are
// modules of their own. See [table.StoreIn].
func StoreIn(store table.RowStore) TableOption { return table.StoreIn(store) }

// PageSize sets how many rows a window reads at least when some are missing; 100
// if it is not set.
func PageSize(rows int) TableOption { return table.PageSize(rows) }

// OnProgress sets a function that is told while rows are loaded, now and then,
// how many there are so far.
func OnProgress(f func(rows int)) TableOption { return table.OnProgress(f) }

// tablePool is how many connections the tables of a handle use at most, beside
// those of the program's own pool: a transaction that a program keeps open must
// not keep its tables from being current.
const tablePool = 4

// tables are the live tables of a handle.
type tables struct {
	once  sync.Once
	db    *table.Database // written under once, as is edits
	edits *edits
}

// database returns what tables are opened on.
func (t *tables) database(h *handle) *table.Database {
	t.once.Do(func() { t.db, t.edits = newTables(h) })
	if t.db != nil {
		return t.db
	}
	// The handle ended before it had tables: those that come now are told so.
	db, edits := newTables(h)
	edits.ended = true
	_ = db.DB.Close() // it was never used
	return db
}

func newTables(h *handle) (*table.Database, *edits) {
	pool := sql.OpenDB(unclosed{h.wrapped})
	pool.SetMaxOpenConns(tablePool)
	pool.SetMaxIdleConns(tablePool) // many queries at a time would connect again and again
	pool.SetConnMaxIdleTime(time.Minute)
	edits := newEdits(h)
	return &table.Database{
		DB: pool, Feed: h.feed, Analyzer: h.backend, Flavor: h.dialect.Flavor(), Editing: edits, Installs: h.installs, Place: h.place,
	}, edits
}

// drain waits for the saves of edit sessions, and accepts no more.
func (t *tables) drain(ctx context.Context) error {
	t.once.Do(func() {})
	return t.edits.shutdown(ctx)
}

// close closes the connections, if there are any. It waits for saves, but not
// for long.
func (t *tables) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	err := t.drain(ctx)
	if t.db == nil {
		return err
	}
	return errors.Join(err, t.db.DB.Close())
}

// unclosed is a connector that outlives the pool.
type unclosed struct{ sqldriver.Connector }
