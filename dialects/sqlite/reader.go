package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/vantage-go/live/internal/turn"
	"github.com/vantage-go/live/listen"
)

// maxDelta is the most log rows that one poll reads. A reader that is further
// behind starts afresh: reading everything again is cheaper.
const maxDelta = 50_000

// How the feed installs triggers: it waits for the write lock no longer than
// installWait, since somebody else may be writing for long and the poll waits
// with it; it gives up after installLimit, and tries again after installPause, which
// doubles up to installLastPause. A poll waits for all of it no longer than
// installShort.
const (
	installWait  = 200 * time.Millisecond
	installShort = 500 * time.Millisecond
	installLimit = 30 * time.Second
	installPause = time.Second

	installLastPause = time.Minute
)

// cursor is a place in the log of one file.
type cursor struct {
	id    int64 // of the last row seen, 0 for none
	nonce int64 // of that row
	// log tells this log from others, 0 for none.
	log int64
	// schema is the schema version at that place.
	schema int64
	// identity numbers the file.
	identity uint64
	// composite has the number of key columns of the tables with more than one,
	// at that schema. It is never modified.
	composite map[string]int
	// reader and moved remember what data_version said, on the connection
	// that asked: on another one it means nothing.
	reader *reader
	moved  int64
}

// reader is the feed's connection.
type reader struct {
	db   *database
	conn *sql.Conn
	turn *turn.Turn // of whoever uses conn
	// last is the closing.
	last    sync.Once
	lastErr error
	// file is the one that conn is open on, if it is still at path.
	file os.FileInfo
	path string
	// name is another path of the file, a link perhaps, or empty.
	name     string
	identity uint64
}

func connect(ctx context.Context, d *database) (_ *reader, err error) {
	if d.path == "" || !leads(d.name, d.path) {
		if d.path, err = locate(ctx, d.own); err != nil {
			return nil, err
		}
	}
	// The file that is there before and after the connection is opened is the
	// one that it is open on. Opening would also create one that is not there.
	before, err := os.Stat(d.path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: looking for the database: %w", err)
	}
	conn, err := d.own.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	r := &reader{db: d, conn: conn, turn: turn.New(), path: d.path, file: before}
	if info, err := os.Stat(d.name); err == nil && os.SameFile(info, before) {
		r.name = d.name
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if r.replaced() {
		return nil, errReplaced
	}
	// Waiting for a lock is bounded by the poll's deadline; a read must not
	// fail because somebody commits just now.
	if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout = 500"); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if d.file != nil && !os.SameFile(d.file, r.file) {
		d.changed()
	}
	d.file, r.identity = r.file, d.Identity()
	return r, nil
}

// locate returns the path of the file that connections are opened on, or an
// error that wraps [listen.ErrNoLog] if theirs is a database that cannot be
// followed.
func locate(ctx context.Context, db *sql.DB) (path string, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return "", fmt.Errorf("sqlite: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	var locking string
	if err := conn.QueryRowContext(ctx, "PRAGMA locking_mode").Scan(&locking); err != nil {
		return "", fmt.Errorf("sqlite: %w", err)
	}
	if locking == "exclusive" {
		return "", &listen.NoLogError{Why: "connections lock the database for themselves alone"}
	}
	var dirty bool
	if err := conn.QueryRowContext(ctx, "PRAGMA read_uncommitted").Scan(&dirty); err != nil {
		return "", fmt.Errorf("sqlite: %w", err)
	}
	if dirty {
		return "", &listen.NoLogError{Why: "connections read uncommitted rows, of which no log tells"}
	}
	if err := conn.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path); err != nil {
		return "", fmt.Errorf("sqlite: looking for the file: %w", err)
	}
	if path == "" {
		return "", &listen.NoLogError{Why: "an in-memory database belongs to one connection alone"}
	}
	return path, nil
}

// replaced reports whether another file, or none, is at the path.
func (r *reader) replaced() bool {
	info, err := os.Stat(r.path)
	return err != nil || !os.SameFile(info, r.file) || r.moved()
}

// leads reports whether the name that the program opens still leads to the path. A
// link that was made anew does not. Of a name that leads nowhere, nothing is known.
func leads(name, path string) bool {
	to, err := os.Stat(name)
	if err != nil {
		return true
	}
	at, err := os.Stat(path)
	return err == nil && os.SameFile(to, at)
}

// moved reports whether the name that the program opens leads to another file
// now.
func (r *reader) moved() bool {
	if r.name == "" {
		return false
	}
	info, err := os.Stat(r.name)
	return err == nil && !os.SameFile(info, r.file)
}

// Close closes the connection, and ends a poll that uses it.
func (r *reader) Close() error {
	r.last.Do(func() {
		_ = r.turn.Keep(context.Background()) // a poll that is under way ends with its context
		r.lastErr = r.conn.Close()
	})
	return r.lastErr
}

// Pace is that of a poll that costs some tens of microseconds.
func (r *reader) Pace() listen.Pace {
	return listen.Pace{Min: listen.DefaultMinInterval, Max: listen.DefaultMaxInterval, Growth: 1.5, Gap: 2 * time.Millisecond}
}

// errReplaced ends a connection to a file that is no longer at its path.
var errReplaced = errors.New("sqlite: another file has taken the place of the database")

// Poll returns what was committed since the cursor.
func (r *reader) Poll(ctx context.Context, since listen.Cursor) (listen.Delta, error) {
	ctx, done, err := r.turn.Take(ctx)
	if err != nil {
		return listen.Delta{}, fmt.Errorf("sqlite: polling: %w", err)
	}
	defer done()
	if r.replaced() {
		// Connections that are open still read the old file.
		if r.db.file == r.file {
			r.db.file = nil
			r.db.changed()
		}
		return listen.Delta{}, errReplaced
	}
	// Asked before the snapshot is taken: what is committed in between is
	// read now and again next time.
	var moved int64
	if err := r.conn.QueryRowContext(ctx, "PRAGMA main.data_version").Scan(&moved); err != nil {
		return listen.Delta{}, fmt.Errorf("sqlite: asking for the data version: %w", err)
	}
	last, _ := since.(cursor)
	if since != nil && last.reader == r && last.moved == moved && !r.installDue() {
		return listen.Delta{Cursor: last}, nil
	}
	delta, next, err := r.read(ctx, since)
	if err == nil && r.installDue() && r.install(ctx) {
		// So that one poll after a CREATE TABLE is enough.
		delta, next, err = r.read(ctx, since)
	}
	if err != nil {
		return listen.Delta{}, err
	}
	next.identity, next.reader, next.moved = r.identity, r, moved
	delta.Cursor = next
	return delta, nil
}

// read reads the log and, when it has changed, the schema, in one snapshot.
func (r *reader) read(ctx context.Context, since listen.Cursor) (delta listen.Delta, next cursor, err error) {
	tx, err := r.conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return delta, next, fmt.Errorf("sqlite: opening a snapshot: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // it only read
	last, resumed := since.(cursor)
	next.log, next.composite = last.log, last.composite
	if resumed && last.identity != r.identity {
		// The log may go on behind the cursor, and yet what was read from the
		// old file after the copy was made is not undone in it.
		resumed = false
		delta.Reset = "another file has taken the place of the database"
	}
	if err := tx.QueryRowContext(ctx, "PRAGMA main.schema_version").Scan(&next.schema); err != nil {
		return delta, next, fmt.Errorf("sqlite: reading the schema version: %w", err)
	}
	if !resumed || next.schema != last.schema {
		switch {
		case resumed:
			delta.Reset = "the schema has changed"
		case delta.Reset == "":
			delta.Reset = "the feed has started"
		}
		s, err := loadSchema(ctx, tx)
		if err != nil {
			return delta, next, err
		}
		if next.log, err = r.adopt(ctx, tx, s); err != nil {
			return delta, next, err
		}
		next.composite = s.composite()
	}
	if !r.db.analyst.installed.Load() {
		return delta, next, nil
	}
	if !resumed {
		next.id, next.nonce, err = newest(ctx, tx)
		return delta, next, err
	}
	changes, id, nonce, err := changesIn(ctx, tx, last, next.composite)
	var gap *gapError
	switch {
	case errors.As(err, &gap):
		delta.Reset = gap.why
		next.id, next.nonce, err = newest(ctx, tx)
		return delta, next, err
	case err != nil:
		return delta, next, err
	}
	delta.Changes, next.id, next.nonce = changes, id, nonce
	return delta, next, nil
}

// gapError says why the log does not continue where the cursor stands.
type gapError struct{ why string }

func (e *gapError) Error() string { return "sqlite: " + e.why }

// changesIn reads the log from the cursor's own row on: that the row is still
// there proves that this is the same log, and that nothing behind it was
// pruned.
func changesIn(ctx context.Context, tx *sql.Tx, last cursor, composite map[string]int) (changes []listen.Change, id, nonce int64, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT id, nonce, tbl, op, k FROM main."+logTable+" WHERE id >= ? ORDER BY id LIMIT ?", last.id, maxDelta+1)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("sqlite: reading the change log: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	id, nonce = last.id, last.nonce
	found := last.id == 0
	for n := 0; rows.Next(); n++ {
		var (
			rowID, rowNonce int64
			table, op       string
			key             any
		)
		if err := rows.Scan(&rowID, &rowNonce, &table, &op, &key); err != nil {
			return nil, 0, 0, fmt.Errorf("sqlite: reading the change log: %w", err)
		}
		switch {
		case !found:
			if rowID != last.id || rowNonce != last.nonce {
				return nil, 0, 0, &gapError{"the change log no longer holds the last row that was read: it was pruned, or the database was restored"}
			}
			found = true
			continue
		case rowID != id+1:
			return nil, 0, 0, &gapError{"the change log has a gap"}
		case n >= maxDelta:
			return nil, 0, 0, &gapError{"too many changes at once"}
		}
		id, nonce = rowID, rowNonce
		change := listen.Change{Table: tableNamed(table), Op: listen.Whole}
		if key = toldKey(composite, table, key); key != nil && len(op) == 1 {
			change.Op, change.Key = listen.Op(op[0]), key
		}
		changes = append(changes, change)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, 0, fmt.Errorf("sqlite: reading the change log: %w", err)
	}
	if !found {
		return nil, 0, 0, &gapError{"the change log was emptied, or the database was restored"}
	}
	return changes, id, nonce, nil
}

// toldKey returns a key of the log as consumers know it, nil for none.
func toldKey(composite map[string]int, table string, key any) any {
	n, several := composite[table]
	if !several {
		return key
	}
	// What is not readable was logged when the table had another key. Nobody
	// remembers rows under that.
	if text, ok := key.(string); ok {
		if values, ok := splitKey(text, n); ok {
			return values
		}
	}
	return nil
}

func newest(ctx context.Context, tx *sql.Tx) (id, nonce int64, err error) {
	err = tx.QueryRowContext(ctx, "SELECT id, nonce FROM main."+logTable+" ORDER BY id DESC LIMIT 1").Scan(&id, &nonce)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, 0, fmt.Errorf("sqlite: reading the end of the change log: %w", err)
	}
	return id, nonce, nil
}

// adopt makes s the current schema and learns whether triggers are to be
// installed. It returns the number of the log.
func (r *reader) adopt(ctx context.Context, tx *sql.Tx, s *schema) (log int64, err error) {
	d := r.db
	later := false
	if s.installed {
		m, err := loadMeta(ctx, tx)
		if err != nil {
			return 0, err
		}
		log, later = m.log, m.later
	}
	d.later.Store(later && !d.analyst.never)
	if later {
		d.auto.Store(false)
	}
	d.analyst.installed.Store(s.installed)
	d.analyst.missing.Store(slices.ContainsFunc(s.tables, func(t *table) bool {
		return t.kind == "table" && !t.isLedger() && t.uncovered(s.installed) != ""
	}))
	// In this order: an analysis under the new catalogue must not be made with
	// the schema that its connection still remembers.
	d.analyst.refresh()
	d.publish(s)
	return log, nil
}

// installDue reports whether triggers are missing that the backend may
// install.
func (r *reader) installDue() bool {
	return (r.db.always || r.db.auto.Load() || r.db.later.Load()) && r.db.analyst.missing.Load() && time.Now().After(r.db.nextInstall)
}

// install attaches triggers. That it fails, because the database is busy or
// read-only, leaves tables uncovered and is no failure of the feed. With very
// many tables it takes longer than a poll may: it goes on without one, until the
// backend is closed, and a later poll is about a database that is covered.
func (r *reader) install(ctx context.Context) bool {
	d := r.db
	var patience time.Duration
	if d.installing == nil {
		d.installing, patience = make(chan error, 1), installShort
		done := d.installing
		d.workers.Go(func() {
			ctx, cancel := context.WithTimeout(d.life, installLimit)
			defer cancel()
			tables, err := installTables(ctx, d.own, listen.InstallOptions{Later: true, Patience: installWait})
			if err == nil {
				d.log.Info("livesql: capture triggers installed", "tables", tables)
			}
			done <- err
		})
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-d.installing:
		d.installing = nil
		d.installed(err)
		return err == nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// installed notes how an installation has ended. What fails for one reason again and
// again, as in a file that is read-only, is told once, and tried ever less often.
func (d *database) installed(err error) {
	if err == nil {
		d.pause, d.failure = 0, ""
		return
	}
	d.pause = min(max(2*d.pause, installPause), installLastPause)
	d.nextInstall = time.Now().Add(d.pause)
	if text := err.Error(); text != d.failure {
		d.failure = text
		d.log.Warn("livesql: capture triggers could not be installed; tables without them are not cached", "error", err)
	}
}
