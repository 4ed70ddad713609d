package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/vantage-go/live/internal/turn"
	"github.com/vantage-go/live/listen"
)

// How the log is kept short: every reader prunes it about every pruneEvery,
// and gives up when that takes too long for a poll to wait.
const (
	pruneEvery = 30 * time.Second
	pruneFails = 3 // in a row are worth a warning
)

// pruneQuery returns, as the number of its rows, whether about as many rows of
// the log were deleted as may be at once: then there are more.
var pruneQuery = fmt.Sprintf("SET LOCAL statement_timeout = 300; SELECT FROM pg_catalog.generate_series(1, livesql.prune('10 min') / %d)", pruneRows/2)

// errOther ends a connection behind which another server or another log has
// appeared. The next one sees what it is.
var errOther = errors.New("postgres: the change log was replaced")

// olderError is the failure of a poll of a log with an older layout. Later: the
// log says that handles install what is missing.
type olderError struct {
	version int
	later   bool
}

func (e *olderError) Error() string {
	return fmt.Sprintf("postgres: the change log has layout %d, and this version of livesql needs layout %d, which livesql install brings", e.version, layoutVersion)
}

// reader is the feed's connection.
type reader struct {
	db     *database
	wires  *wires
	pool   *sql.DB // of one connection, conn
	conn   *sql.Conn
	bell   *bell
	turn   *turn.Turn    // of whoever uses conn
	closed chan struct{} // closed by the first Close when it is done
	once   atomic.Bool

	// What follows belongs to the goroutine that polls.

	place place
	// epoch is that of the log on this connection, empty before the first poll
	// and as long as there is no log.
	epoch string
	// older is what the cursors of the epoch have as prepared.
	older []uint64
	found presence
	// prepares: transactions can be prepared on the server. NOTIFY would make
	// that fail, so no bell rings there of itself.
	prepares bool
	// unusual: transactions that do not say otherwise are serializable, or may
	// not write: see plainly.
	unusual  bool
	mode     listen.Bell
	checked  time.Time // when the last poll was sent that looked at capture
	pruned   time.Time // when the log was last pruned, or is not to be before
	unpruned int       // failures to prune in a row
	mute     bool      // that the server does not ring was logged
	unrung   int       // polls in a row that found rows without a ring
	sleeper  sleeper
	// installing is nil unless triggers are being installed.
	installing *autoInstall
}

// own is the feed's connection.
func (r *reader) own() simple { return simple{r.conn, r.db.driver.Simple} }

// farewell is how long Close waits for a poll to fail because its context has
// ended. Drivers ask the server then, over another connection, to give the
// statement up; once the network connection is cut, they do not, and the server
// would wait for its lock or whatever it is for all time.
const farewell = 100 * time.Millisecond

// Close ends everything that belongs to the reader. It does not wait for the
// network any longer than that.
func (r *reader) Close() error {
	if r.once.Swap(true) {
		<-r.closed
		return nil
	}
	defer close(r.closed)
	brief, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	polite := r.turn.Keep(brief) == nil
	if polite {
		r.hangUp() // nobody uses it, so that is quick
	}
	r.wires.cutAll()
	r.bell.stop()
	if !polite {
		_ = r.turn.Keep(context.Background()) // what was cut returns
		r.hangUp()
	}
	r.endInstall()
	return nil
}

// hangUp closes the connection, as well as that goes, once nobody uses it.
func (r *reader) hangUp() {
	if r.conn != nil {
		_ = r.conn.Close() // there may be nobody to complain to
	}
	_ = r.pool.Close()
}

// Poll returns what was committed since the cursor.
func (r *reader) Poll(ctx context.Context, since listen.Cursor) (listen.Delta, error) {
	ctx, done, err := r.turn.Take(ctx)
	if err != nil {
		return listen.Delta{}, fmt.Errorf("postgres: polling: %w", err)
	}
	defer done()
	delta, err := r.poll(ctx, since)
	if err != nil {
		return listen.Delta{}, err
	}
	if err := r.sendProbe(ctx); err != nil {
		return listen.Delta{}, err
	}
	r.prune(ctx, len(delta.Changes) == 0)
	return delta, nil
}

func (r *reader) poll(ctx context.Context, since listen.Cursor) (listen.Delta, error) {
	delta, err := r.read(ctx, since)
	var older *olderError
	if errors.As(err, &older) && (r.db.always || older.later && !r.db.never) && (r.installing != nil || time.Now().After(r.db.nextInstall)) {
		r.install(ctx, installLimit) // there is nothing to read without it
		delta, err = r.read(ctx, since)
	}
	if err != nil || !r.installDue() || !r.install(ctx, share(ctx)) {
		return delta, err
	}
	// Once more, so that one poll after a CREATE TABLE is enough.
	return r.read(ctx, since)
}

// read reads the log if there is one.
func (r *reader) read(ctx context.Context, since listen.Cursor) (listen.Delta, error) {
	if r.found != present {
		if err := r.look(ctx); err != nil {
			return listen.Delta{}, err
		}
		if r.found != present {
			return r.unlogged(since)
		}
	}
	sent := time.Now()
	check := r.checkDue(sent)
	last, _ := since.(cursor)
	if err := r.turnOver(ctx); err != nil {
		return listen.Delta{}, err
	}
	a, err := r.ask(ctx, last, check)
	if err != nil {
		return listen.Delta{}, err
	}
	r.noteRows(len(a.rows), r.sleeper.dream(len(a.rows), a.snapshot))
	next := cursor{place: r.place, epoch: a.epoch, snapshot: a.snapshot, prepared: r.older}
	delta := listen.Delta{}
	if since == nil {
		delta.Reset = "the feed has started"
	} else {
		delta.Reset = a.gap(last)
	}
	if check && a.fingerprint != r.db.fingerprint {
		if err := r.adopt(ctx, a.fingerprint); err != nil {
			return listen.Delta{}, err
		}
	}
	c := newCollector(r.db.schema)
	if delta.Reset == "" {
		for _, row := range a.rows {
			c.add(row)
		}
		if c.unknown && !check {
			// A table that was created since the last check: what else it
			// belongs to, and whether it is covered, only the schema tells.
			check = true
			if err := r.adopt(ctx, r.db.fingerprint); err != nil {
				return listen.Delta{}, err
			}
			c = newCollector(r.db.schema)
			for _, row := range a.rows {
				c.add(row)
			}
		}
		delta.Reset = r.differs(c, last.schema)
		delta.Changes = c.changes()
	}
	if delta.Reset != "" {
		delta.Changes = nil // part of what is void
	}
	next.checked = last.checked
	if check {
		r.checked, next.checked = sent, a.snapshot
	}
	delta.Unchecked = !check
	next.schema, next.fingerprint = r.db.schema, r.db.fingerprint
	delta.Cursor = next
	return delta, nil
}

// checkDue reports whether a poll that is sent now is to look at the capture:
// whether the next one might come too late for it. The gap between polls says
// little about that one: it is long when a check took long.
func (r *reader) checkDue(now time.Time) bool {
	return r.epoch == "" || r.checked.IsZero() || now.Sub(r.checked) >= listen.CheckEvery/2
}

// CheckNext makes the next poll look at the capture.
func (r *reader) CheckNext() { r.checked = time.Time{} }

// differs tells what the consumers do not know of the schema, which is the one
// of their cursor. The fingerprint has changed; so when the schemas themselves
// tell no difference, something has changed that they do not hold.
func (r *reader) differs(c *collector, before *schema) (reset string) {
	if before == r.db.schema {
		return ""
	}
	reset, marks := r.db.schema.diff(before)
	if reset == "" && len(marks) == 0 {
		return "the schema has changed"
	}
	for _, t := range marks {
		c.mark(t)
	}
	return reset
}

// ask sends the poll and looks at who answers.
func (r *reader) ask(ctx context.Context, last cursor, check bool) (*answer, error) {
	statement := question(last, check)
	first := r.epoch == ""
	var p preparations
	if first {
		var err error
		if p, err = r.askPrepared(ctx); err != nil {
			return nil, err
		}
	}
	a, err := r.askPlainly(ctx, statement)
	if err == nil && (a.epoch == "" || a.place != r.place || first && a.epoch != p.epoch) {
		// Not in the same statement: the snapshot of the cursor must be one
		// that was taken in the epoch that it is told of.
		var epoch string
		err = r.plainly(ctx, func(c session) error {
			return simple{c, r.db.driver.Simple}.QueryRowContext(ctx, "SELECT livesql.attend()::text").Scan(&epoch)
		})
		if err != nil {
			return nil, fmt.Errorf("postgres: marking the epoch of the change log: %w", err)
		}
		if p, err = r.askPrepared(ctx); err != nil {
			return nil, err
		}
		a, err = r.askPlainly(ctx, statement)
	}
	switch {
	case err != nil:
		return nil, err
	case a.version < layoutVersion:
		return nil, &olderError{a.version, a.later}
	case a.version > layoutVersion:
		return nil, &listen.NoLogError{Why: fmt.Sprintf("the change log has layout %d, and this version of livesql knows layout %d", a.version, layoutVersion)}
	case a.epoch == "" || a.place != r.place || !first && a.epoch != r.epoch || first && a.epoch != p.epoch:
		return nil, errOther
	}
	if first {
		r.epoch, r.older = a.epoch, p.older(a.snapshot)
	}
	r.db.auto = r.db.always || a.later && !r.db.never
	r.mode = a.bell
	r.bell.serve(a.bell != listen.BellPoll && (!r.prepares || a.bell == listen.BellApp))
	return a, nil
}

// session is a connection, or a transaction on it.
type session interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// plainly runs f with READ COMMITTED isolation, whatever the database or the
// role has for a default. A serializable poll would be a party to the conflicts
// of serializable writers, and make them fail: it reads what all of them write.
// Where the default is that already, f needs no transaction, and no round trips
// for one. No setting of the session is changed, which may be somebody else's,
// behind a pooler.
func (r *reader) plainly(ctx context.Context, f func(session) error) (err error) {
	if !r.unusual {
		return f(r.conn)
	}
	tx, err := r.conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return fmt.Errorf("postgres: beginning: %w", err)
	}
	defer func() { err = errors.Join(err, rollback(tx)) }()
	if _, err := tx.ExecContext(ctx, "SET TRANSACTION READ WRITE", r.db.driver.Simple...); err != nil {
		return fmt.Errorf("postgres: beginning: %w", err)
	}
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("postgres: committing: %w", err)
	}
	return nil
}

// askPlainly is ask on the feed's connection.
func (r *reader) askPlainly(ctx context.Context, statement string) (a *answer, err error) {
	err = r.plainly(ctx, func(c session) (err error) {
		a, err = ask(ctx, c, statement, r.db.driver.Simple)
		return err
	})
	return a, err
}

// adopt makes the schema of the database the current one, unless it is that
// already, and was when the fingerprint was seen.
//
// It is read after the poll's statement, so its snapshot S2 is not older than
// the S1 of the delta, and it is published before the delta is returned.
// Nothing is lost by that:
//   - The delta's rows are those up to S1; what was committed between S1 and S2
//     is in the next delta, since the cursor says S1.
//   - A table that S2 shows as covered had its triggers attached under a lock
//     that no writer holds. What was written before them was committed before
//     S2, hence before any statement that is analysed under the new catalogue.
//   - A table whose rows were replaced between S1 and S2 without the log
//     telling, as by TRUNCATE or a rewrite, is marked with this delta, after
//     the replacement was committed.
//   - The fingerprint that is kept was read under S2, with the schema. What
//     changes after S2 makes the next one differ.
//
// The schema is remembered in the cursor: if this poll fails now, the next one
// still finds that its cursor knows another schema.
func (r *reader) adopt(ctx context.Context, seen string) (err error) {
	tx, err := r.conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("postgres: opening a snapshot: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // it only read
	if _, err := tx.ExecContext(ctx, ownPath, r.db.driver.Simple...); err != nil {
		return fmt.Errorf("postgres: opening a snapshot: %w", err)
	}
	q := simple{tx, r.db.driver.Simple}
	var fingerprint string
	if err := q.QueryRowContext(ctx, "SELECT "+fingerprintCall).Scan(&fingerprint); err != nil {
		return fmt.Errorf("postgres: looking at the coverage: %w", err)
	}
	if fingerprint == r.db.fingerprint && seen == fingerprint {
		return nil
	}
	s, err := loadSchema(ctx, q)
	if err != nil {
		return err
	}
	if !s.installed {
		return errOther
	}
	r.db.publish(s, fingerprint)
	return nil
}

// Pace tells how to poll.
func (r *reader) Pace() listen.Pace {
	switch {
	case r.found != present:
		return listen.Pace{Min: 50 * time.Millisecond, Max: time.Second, Growth: 2, Gap: 2 * time.Millisecond}
	case r.rings() && r.sleeper.refused == "":
		return listen.Pace{Min: awakeEvery, Max: r.sleeper.longest(time.Now(), r.bell.times.sleep), Growth: 3, Gap: awakeEvery}
	case r.mode == listen.BellApp && r.bell.works():
		return listen.Pace{Min: awakeEvery, Max: r.bell.times.sleep, Growth: 3, Gap: awakeEvery}
	}
	return listen.Pace{Min: awakeEvery, Max: pollingEvery, Growth: 1.5, Gap: awakeEvery}
}

// Describe tells how the feed hears of changes.
func (r *reader) Describe() string {
	switch {
	case r.found != present:
		return "livesql is not installed in this database"
	case r.mode == listen.BellPoll:
		return "no bell: installed without one"
	case r.prepares && r.mode != listen.BellApp:
		return "no bell: the server allows prepared transactions, which a bell would break"
	}
	if why := r.bell.fault(); why != "" {
		return "no bell: " + why
	}
	if r.sleeper.refused != "" {
		return "no bell: the role may not tell writers to ring: " + r.sleeper.refused
	}
	return "bell " + string(r.mode)
}

// prune keeps the log short, rather when nothing else is to be done. That it
// fails, because the role may not or another process is at it, is no failure
// of the feed.
func (r *reader) prune(ctx context.Context, idle bool) {
	late := time.Since(r.pruned)
	if r.found != present || late < pruneEvery || !idle && late < 2*pruneEvery {
		return
	}
	r.pruned = time.Now().Add(-rand.N(pruneEvery / 5))
	var result sql.Result
	err := r.plainly(ctx, func(c session) (err error) {
		result, err = c.ExecContext(ctx, pruneQuery, r.db.driver.Simple...)
		return err
	})
	if err != nil {
		if r.unpruned++; r.unpruned == pruneFails {
			r.db.log.Warn("livesql: the change log cannot be pruned, and grows", "error", err)
		}
		return
	}
	r.unpruned = 0
	if full, err := result.RowsAffected(); err == nil && full > 0 {
		r.pruned = time.Time{} // the next poll goes on
	}
}

// sqlState returns the code of an error of either driver, or nothing.
func sqlState(err error) string {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState()
	}
	return ""
}
