package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vantage-go/live/internal/turn"
	"github.com/vantage-go/live/listen"
)

// reader is one connection to the log. Its goroutines stamp and install.
type reader struct {
	db   *database
	conn *sql.Conn
	turn *turn.Turn // of whoever uses conn
	// last is the closing.
	last    sync.Once
	lastErr error
	// ctx is that of the goroutines.
	ctx       context.Context //nolint:containedctx // their life, which Close ends
	cancel    context.CancelFunc
	stamper   *stamper
	installer *installer
	workers   sync.WaitGroup

	// recheck asks the next poll to look at the schema.
	recheck atomic.Bool

	// What follows belongs to Poll.
	server   *host
	identity string // the server's
	schema   *schema
	later    bool // the head's
	looked   time.Time
	// rights are those of the last look.
	rights rights
	// seesAll: the server shows the ids of InnoDB's tables.
	seesAll bool
}

var (
	_ listen.Pacer     = (*reader)(nil)
	_ listen.Describer = (*reader)(nil)
)

func connect(ctx context.Context, d *database) (_ *reader, err error) {
	conn, err := d.own.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("mysql: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, discard(conn))
		}
	}()
	on, err := lookAtServer(ctx, conn)
	switch {
	case err != nil:
		return nil, err
	case on.database == "":
		return nil, &listen.NoLogError{Why: "the data source name selects no database"}
	case on.replica:
		return nil, errReplica
	case on.cluster != "":
		return nil, &listen.NoLogError{Why: on.cluster}
	}
	var identity string
	if err := one(ctx, conn, "SELECT "+on.identity, &identity); err != nil {
		return nil, fmt.Errorf("mysql: asking for the server's identity: %w", err)
	}
	identity, readOnly := splitIdentity(identity)
	if readOnly {
		return nil, errReadOnlyServer
	}
	ask, err := newQuestion(ctx, conn, on)
	if err != nil {
		return nil, err
	}
	var home string
	if err := one(ctx, conn, "SELECT "+ask.home, &home); err != nil {
		return nil, fmt.Errorf("mysql: asking for the server's identity: %w", err)
	}
	d.question.Store(ask)
	d.identity.Store(d.homes.Number(home))
	r := &reader{db: d, conn: conn, server: on, identity: identity, turn: turn.New()}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.stamper = newStamper(d, on)
	r.installer = newInstaller(d, &r.recheck)
	r.workers.Go(func() { r.stamper.run(r.ctx) })
	r.workers.Go(func() { r.installer.run(r.ctx) })
	return r, nil
}

// Close closes the connection, and ends a poll that waits for it.
func (r *reader) Close() error {
	r.turn.End()
	r.cancel()
	r.workers.Wait()
	r.last.Do(func() {
		_ = r.turn.Keep(context.Background()) // a poll that is under way ends with its context
		r.lastErr = discard(r.conn)
	})
	return r.lastErr
}

// Pace is that of a log without a bell.
func (r *reader) Pace() listen.Pace {
	return listen.Pace{Min: 25 * time.Millisecond, Max: time.Second, Growth: 1.5, Gap: 5 * time.Millisecond}
}

// Describe tells how changes are heard of.
func (r *reader) Describe() string {
	text := "no bell: MySQL has none"
	if !r.seesAll {
		text += "; a TRUNCATE by others is not seen without the PROCESS right"
	}
	if why := r.stamper.why(); why != "" {
		text += "; this process stamps nothing: " + why
	}
	return text
}

// lookDue reports whether this poll has to look at the schema: whether the next
// one might come too late for it.
func (r *reader) lookDue(now time.Time) bool {
	return r.recheck.Swap(false) || r.schema == nil || now.Sub(r.looked) >= listen.CheckEvery/2
}

// CheckNext makes the next poll look at the schema.
func (r *reader) CheckNext() { r.recheck.Store(true) }

// Poll returns what was committed since the cursor.
func (r *reader) Poll(ctx context.Context, since listen.Cursor) (listen.Delta, error) {
	ctx, done, err := r.turn.Take(ctx)
	if err != nil {
		return listen.Delta{}, fmt.Errorf("mysql: polling: %w", err)
	}
	defer done()
	now := time.Now()
	_, resumed := since.(cursor)
	look := !resumed || r.lookDue(now) // without a look, a cursor knows no schema
	delta, err := r.poll(ctx, since, look)
	if failed(err, errNoSuchTable, errNoRoutine) && !look {
		// The log was dropped, or is being dropped.
		look = true
		delta, err = r.poll(ctx, since, look)
	}
	if err != nil {
		r.recheck.Store(look)
		return listen.Delta{}, err
	}
	if look {
		r.looked = now
	}
	delta.Unchecked = !look
	return delta, nil
}

func (r *reader) poll(ctx context.Context, since listen.Cursor, look bool) (delta listen.Delta, err error) {
	last, resumed := since.(cursor)
	next := last
	if !resumed {
		delta.Reset = "the feed has started"
	}
	if look {
		if err := r.look(ctx, last, resumed, &next, &delta); err != nil {
			return delta, err
		}
	}
	next.known, next.on = r.schema, r.server
	if !r.schema.installed {
		at := place{server: r.identity, boot: r.server.boot}
		if resumed && delta.Reset == "" {
			delta.Reset = last.elsewhere(at)
		}
		next.at, next.batch, next.early, next.partial = at, 0, nil, false
		delta.Cursor = next
		return delta, nil
	}
	from := last.batch
	if !resumed {
		from = math.MaxUint64
	}
	v, at, err := readLog(ctx, r.conn, r.server, from, r.db.limit+len(last.early))
	if err != nil {
		return delta, err
	}
	if resumed {
		if why := last.broken(at, v.head); why != "" {
			delta.Reset, resumed = why, false
		}
	}
	switch {
	case !resumed:
		delta.Cursor = next.start(at, v, r.db.earlyLimit)
	case v.more || len(v.early) > r.db.earlyLimit:
		// To find out which tables the rest is of would take as long as there
		// is more of it, and polls have to answer in time.
		delta.Cursor = next.start(at, v, 0)
		delta.Changes = append(delta.Changes, r.schema.everything()...)
	default:
		behind, fresh := next.after(v)
		delta.Cursor = behind
		changes, unknown := r.schema.changes(fresh)
		if unknown {
			r.recheck.Store(true)
		}
		delta.Changes = append(delta.Changes, changes...)
	}
	if len(v.early) > 0 || v.more {
		r.stamper.wake()
	}
	r.later = v.head.later
	return delta, nil
}

// look looks at everything that the capture of changes depends on.
func (r *reader) look(ctx context.Context, last cursor, resumed bool, next *cursor, delta *listen.Delta) error {
	started, replica, err := boot(ctx, r.conn)
	switch {
	case err != nil:
		return err
	case replica:
		return errReplica
	case !sameBoot(started, r.server.boot):
		// A proxy has led the connection elsewhere.
		return errors.New("mysql: the server was restarted")
	}
	mark, err := takeFingerprint(ctx, r.conn, r.server)
	if err != nil {
		return err
	}
	if r.schema == nil || r.schema.mark.schema != mark.schema {
		if r.schema, err = loadSchema(ctx, r.conn, r.server); err != nil {
			return err
		}
		r.db.publish(r.schema)
		mark = r.schema.mark
		r.later = r.schema.later
		if r.schema.installed {
			r.server.probe(ctx, r.conn)
		}
	}
	r.seesAll = mark.tables != ""
	next.schema = mark.schema
	if resumed && last.schema != mark.schema {
		delta.Reset = "the schema has changed: " + changedParts(last.schema, mark.schema)
	}
	if err := mark.rights.settle(ctx, r.conn, r.server, r.rights); err != nil {
		return err
	}
	r.rights, next.rights = mark.rights, mark.rights.held
	if resumed && last.rights != next.rights && delta.Reset == "" {
		delta.Reset = "the rights to read have changed"
	}
	switch {
	case mark.tables == "":
		next.tables, next.ids = "", nil
	case last.ids == nil || last.tables != mark.tables:
		// Read after the fingerprint: what is replaced in between is found
		// again by the next look, with nothing changed.
		if next.ids, err = tableIDs(ctx, r.conn, r.server); err != nil {
			return err
		}
		next.tables = mark.tables
		if resumed && last.ids != nil {
			for _, name := range r.schema.replaced(last.ids, next.ids) {
				delta.Changes = append(delta.Changes, listen.Change{Table: r.schema.tableNamed(name), Op: listen.Whole})
			}
		}
	}
	r.install()
	return nil
}

// install asks for capture triggers that are missing, if they may be made.
func (r *reader) install() {
	switch r.db.policy {
	case listen.InstallNever:
		return
	case listen.InstallOwn:
		if !r.later {
			return
		}
	case listen.InstallAuto:
	}
	if r.schema.missing {
		r.installer.wake()
	}
}

// changes turns rows of the log into changes. A row of a table that the schema
// does not know is left out: it is of one that nobody holds for covered, and
// the next look, which is to be asked for, will reset.
func (s *schema) changes(rows []logRow) (changes []listen.Change, unknown bool) {
	changes = make([]listen.Change, 0, len(rows))
	for _, row := range rows {
		name, ok := s.names[row.table]
		if !ok {
			unknown = true
			continue
		}
		change := listen.Change{Table: s.tableNamed(name), Op: listen.Whole}
		if row.key != nil {
			change.Op, change.Key = row.op, row.key
		}
		changes = append(changes, change)
	}
	return changes, unknown
}

// everything marks all tables of the schema. Others are not held for covered.
func (s *schema) everything() []listen.Change {
	changes := make([]listen.Change, 0, len(s.tables))
	for _, t := range s.tables {
		changes = append(changes, listen.Change{Table: s.tableNamed(t.name), Op: listen.Whole})
	}
	return changes
}

// headSelect reads the head and who the server is, in the shape of the log's
// rows.
func (s *host) headSelect() string {
	return "SELECT 1 AS head, last_batch AS id, floor_batch AS batch, version AS tbl, IF(later, 'T', 'I') AS op, " +
		"CONCAT(epoch, CAST(" + s.identity + " AS BINARY)) AS k FROM " + headTable + " WHERE one = 1 AND " + s.tidy() + " UNION ALL "
}

// readLog reads the log: one statement, one snapshot. The limit is in
// parentheses: one of the union would not keep the server from reading on. The
// union has one all the same: without it, the sql_select_limit of a session that
// is not livesql's would cut the answer short, and nothing would show it.
func readLog(ctx context.Context, q querier, on *host, from uint64, limit int) (*view, place, error) {
	v, at, err := viewLog(ctx, q, on, on.headSelect()+fmt.Sprintf(
		"(SELECT 0, id, batch, tbl, op, k FROM %s FORCE INDEX (batch) WHERE batch > %d OR batch IS NULL LIMIT %d) LIMIT %d", logTable, from, limit+1, limit+2))
	if err == nil && len(v.rows) > limit {
		v.more = true
	}
	return v, at, err
}

func viewLog(ctx context.Context, q querier, on *host, query string) (*view, place, error) {
	v := &view{}
	found := false
	err := each(ctx, q, query, func(scan scanFunc) error {
		var (
			isHead bool
			id     uint64
			batch  sql.Null[uint64]
			table  uint32
			op     string
			key    sql.RawBytes
		)
		if err := scan(&isHead, &id, &batch, &table, &op, &key); err != nil {
			return err
		}
		if isHead {
			if len(key) < 16 {
				return errors.New("the head of the log has no epoch")
			}
			found = true
			v.head = head{last: id, floor: batch.V, version: int(table), later: op == "T", epoch: string(key[:16])}
			v.head.server, v.head.readOnly = splitIdentity(string(key[16:]))
			return nil
		}
		row := logRow{id: id, stamped: batch.Valid, table: table, op: listen.Whole, key: decodeKey(key)}
		if len(op) == 1 {
			row.op = listen.Op(op[0])
		}
		v.add(row)
		return nil
	})
	at := place{server: v.head.server, boot: on.boot, epoch: v.head.epoch}
	switch {
	case err != nil:
		return nil, at, fmt.Errorf("mysql: reading the change log: %w", err)
	case !found:
		return nil, at, errors.New("mysql: the change log has no head: install it again")
	case v.head.readOnly:
		return nil, at, errReadOnlyServer
	case v.head.version != logVersion:
		return nil, at, &listen.NoLogError{Why: fmt.Sprintf("the change log has layout %d, this program knows %d", v.head.version, logVersion)}
	}
	return v, at, nil
}

// splitIdentity separates the server from whether it is read-only, which may
// change: the sum of two variables that are 0 or 1, or more in newer versions.
func splitIdentity(text string) (server string, readOnly bool) {
	flag, server, _ := strings.Cut(text, "|")
	return server, flag != "0"
}
