package sqlstore

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
)

// Store writes to one database. It may be used concurrently.
type Store struct {
	db       *sql.DB
	engine   engine
	lockWait time.Duration

	ledger    bool
	retention time.Duration // of its notes
	pruning   pruning

	// turns holds a value for each connection that may be in use. There are
	// no more connections than turns, so that nobody waits for one that idles.
	turns chan struct{}

	idleMu sync.Mutex
	idle   []*link
	closed bool

	// Of a store whose tables' versions are counted by all, see VersionsCounted;
	// others learn nothing.
	counted bool
	deaf    bool // the driver starts a goroutine for each statement that can be cancelled
	factsMu sync.Mutex
	facts   map[*edit.Table]*facts
}

// connections is how many a store uses: one for batches, and one for locked
// rows and for reading.
const connections = 2

// engine is what databases differ in.
type engine interface {
	// settings are statements for a new connection.
	settings(s *Store) []string
	begin(ctx context.Context, l *link) error
	// mark returns what resolve needs to find out whether a transaction was
	// committed, "" if there is no way.
	mark(ctx context.Context, l *link) (string, error)
	resolve(ctx context.Context, db *sql.DB, mark string) edit.State
	// run carries out operations of one kind, table and set of columns.
	run(ctx context.Context, l *link, ops []*edit.Op, out *outcomes) error
	// force writes or deletes one row that is locked, and returns it.
	force(ctx context.Context, l *link, op *edit.Op) (row any, found bool, err error)
	// lock locks and reads rows.
	lock(ctx context.Context, l *link, ops []*edit.Op) (map[string]any, error)
	// unlocked returns the keys of the rows among ops that nobody else holds;
	// ok is false where there is no way to tell.
	unlocked(ctx context.Context, l *link, ops []*edit.Op) (keys map[string]bool, ok bool, err error)
	quote(name string) string
	placeholder(n int) string
}

// Option configures a store.
type Option func(*Store)

// LockWait sets how long a statement waits for a row that another transaction
// holds, before its operation goes to the lane of locked rows. The default is
// 200 ms; MySQL and MariaDB count whole seconds, at least one.
func LockWait(d time.Duration) Option { return func(s *Store) { s.lockWait = d } }

// VersionsCounted states that whoever changes a row of a table with a version
// column counts the version up in that statement: other programs, triggers, people
// with a console. The store then takes a row of the version that was read for
// unchanged, and has an update whose outcome follows from that return no row, where
// it can see that nothing on the server changes what is sent; the package's
// documentation says when. A save gets quicker by the reading of its row: by a
// third where many are saved together, by a tenth where it is one.
//
// What is given up: if somebody changes a column that the save does not write, and
// leaves the version as it was, the result and the session go on with what
// was read before. They see the change when the row is read again: by a live table
// soon, else by [edit.RecordEdit.RefreshSnapshot], or by a save that conflicts.
// Without the option each save returns the row as it is. In neither case does a save write
// a column that it was not asked to, nor over a row of another version.
//
// Tables without a version column, and MySQL and MariaDB, which return no rows of
// updates, are as they are without it. On Postgres it looks once at the catalogue
// for each table.
func VersionsCounted() Option { return func(s *Store) { s.counted = true } }

// New returns a store on a pool that nobody else should use: it changes the
// settings of the connections, such as lock_timeout, on Postgres the isolation of
// their transactions to READ COMMITTED, and of lib/pq statement_timeout. It holds up to
// two of them until it is closed.
func New(db *sql.DB, flavor dialects.Flavor, opts ...Option) *Store {
	s := &Store{db: db, lockWait: 200 * time.Millisecond, retention: defaultRetention, engine: engineOf(flavor)}
	for _, opt := range opts {
		opt(s)
	}
	s.deaf = isPQ(db.Driver())
	if s.counted {
		s.facts = make(map[*edit.Table]*facts)
	}
	n := connections
	if limit := db.Stats().MaxOpenConnections; limit > 0 {
		n = min(n, limit)
	}
	s.turns = make(chan struct{}, n)
	return s
}

func engineOf(flavor dialects.Flavor) engine {
	switch flavor {
	case dialects.Postgres:
		return &postgres{sequences: make(map[*edit.Table]string)}
	case dialects.MySQL:
		return mysql{}
	default:
		return sqlite{}
	}
}

// Close gives up the connections.
func (s *Store) Close() error {
	s.idleMu.Lock()
	idle := s.idle
	s.idle, s.closed = nil, true
	s.idleMu.Unlock()
	for _, l := range idle {
		l.discard()
	}
	return nil
}

// link is a connection of the store, with its prepared statements.
type link struct {
	engine engine
	store  *Store // nil in a transaction of somebody else
	conn   *sql.Conn
	on     handle // conn, or a transaction of somebody else
	stmts  map[string]*sql.Stmt
	texts  map[textKey]string
	gone   bool

	directs  map[string]directStmt // prepared on the driver's connection
	handing  *sql.DB               // hands out the rows of directs, as long as the connection is used
	indirect bool                  // the driver takes no contexts

	oneByOne  bool   // in this transaction, rows are written one by one
	told      bool   // in this transaction, rows that are written come back
	alone     bool   // the statement is a transaction by itself
	sent      bool   // it was given to the driver
	returning answer // of a server of MySQL or MariaDB: whether an INSERT returns rows

	mark    string // of the transaction, see engine.mark
	cancels canceller

	schemaVersion int64                // of SQLite
	triggers      map[*edit.Table]bool // whether tables have some, at that version
	facts         map[*edit.Table]*facts
}

func newLink(e engine, on handle) *link {
	return &link{engine: e, on: on, stmts: make(map[string]*sql.Stmt), texts: make(map[textKey]string)}
}

// handle is what statements run on.
type handle interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// maxStmts bounds the prepared statements of a connection.
const maxStmts = 100

func (s *Store) take(ctx context.Context) (*link, error) {
	select {
	case s.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l, err := s.link(ctx)
	if err != nil {
		<-s.turns
	}
	return l, err
}

// link returns an idle connection or a new one.
func (s *Store) link(ctx context.Context) (*link, error) {
	s.idleMu.Lock()
	if n := len(s.idle); n > 0 {
		l := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.idleMu.Unlock()
		return l, nil
	}
	s.idleMu.Unlock()
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	l := newLink(s.engine, conn)
	l.conn, l.store = conn, s
	for _, set := range s.engine.settings(s) {
		if _, err := conn.ExecContext(ctx, set); err != nil {
			l.discard()
			return nil, fmt.Errorf("edit: %s: %w", set, err)
		}
	}
	return l, nil
}

// put gives a connection back. One that is broken is not used again.
func (s *Store) put(l *link, broken bool) {
	defer func() { <-s.turns }()
	s.idleMu.Lock()
	keep := !s.closed && !broken
	if keep {
		s.idle = append(s.idle, l)
	}
	s.idleMu.Unlock()
	if !keep {
		l.discard()
	}
}

// discard ends the connection: its settings are not those of others.
func (l *link) discard() {
	if l.gone {
		return
	}
	l.gone = true
	if errors.Is(l.conn.Raw(func(any) error { return nil }), sql.ErrConnDone) {
		l.endDirects() // database/sql knows nothing of these; its own have gone with the connection
		return
	}
	for _, stmt := range l.stmts {
		_ = stmt.Close()
	}
	_ = l.conn.Raw(func(any) error {
		l.endDirects() // SQLite keeps a connection open that has statements
		return sqldriver.ErrBadConn
	})
	_ = l.conn.Close()
}

func (l *link) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt := l.stmts[text]; stmt != nil {
		return stmt, nil
	}
	if len(l.stmts) >= maxStmts {
		for old, stmt := range l.stmts {
			_ = stmt.Close()
			delete(l.stmts, old)
		}
	}
	stmt, err := l.on.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	l.stmts[text] = stmt
	return stmt, nil
}

// query runs a prepared statement and hands each row to f.
func (l *link) query(ctx context.Context, text string, args []any, f func(*sql.Rows) error) (err error) {
	l.cancels.runs(text)
	if done, err := l.direct(ctx, text, args, f); done || err != nil {
		return err
	}
	stmt, err := l.prepare(ctx, text) //nolint:sqlclosecheck // stays prepared; discard closes it
	if err != nil {
		return err
	}
	l.sent = true
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// exec runs a prepared statement and returns the rows that it affected.
func (l *link) exec(ctx context.Context, text string, args []any) (sql.Result, int64, error) {
	l.cancels.runs(text)
	stmt, err := l.prepare(ctx, text) //nolint:sqlclosecheck // stays prepared; discard closes it
	if err != nil {
		return nil, 0, err
	}
	l.sent = true
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return nil, 0, err
	}
	n, err := result.RowsAffected()
	return result, n, err
}

// plain runs a statement that is not prepared.
func (l *link) plain(ctx context.Context, text string) error {
	_, err := l.on.ExecContext(ctx, text)
	return err
}

// Read implements [edit.Store].
func (s *Store) Read(ctx context.Context, t *edit.Table, key []any) (any, error) {
	row, err := s.read(ctx, t, key)
	for tries := 0; err != nil && outdated(err) && tries < connections; tries++ { // each connection may have to find out
		row, err = s.read(ctx, t, key)
	}
	if err != nil {
		return nil, fmt.Errorf("edit: read %s: %w", t.Name, err)
	}
	return row, nil
}

func (s *Store) read(ctx context.Context, t *edit.Table, key []any) (any, error) {
	plan := t.Plan()
	b := newBuilder(s.engine)
	b.add("SELECT ")
	b.columns(t, "", plan.All())
	b.add(" FROM ")
	b.table(t)
	b.add(" WHERE ")
	n := 0
	for i := range plan.Key().All() {
		if n > 0 {
			b.add(" AND ")
		}
		b.name(plan.Fields()[i].Name)
		b.add(" = ")
		if err := b.value(&plan.Fields()[i].Column, key[n]); err != nil {
			return nil, err
		}
		n++
	}
	l, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	var row any
	err = l.query(ctx, b.String(), b.args, func(rows *sql.Rows) error {
		row = plan.New()
		return plan.Scan(rows, row, plan.All())
	})
	s.put(l, err != nil && (lost(err) || outdated(err)))
	return row, err
}

var (
	_ edit.Store   = (*Store)(nil)
	_ edit.TxStore = (*Store)(nil)
)
