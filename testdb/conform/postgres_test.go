package conform

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// The reference is a small feed of PostgreSQL, for the proof of what SQLite
// cannot show: transactions that overlap, caps, TRUNCATE, two-phase commit,
// tokens of snapshots. It reads the difference of two snapshots.

const referenceCap = 256

var referenceDDL = []string{
	`CREATE TABLE log (xid xid8 NOT NULL DEFAULT pg_current_xact_id(), tab name NOT NULL, op text NOT NULL, keys jsonb)`,
	`CREATE INDEX ON log (xid)`,
	`CREATE TABLE base (floor xid8 NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid())`,
	`CREATE FUNCTION capture() RETURNS trigger LANGUAGE plpgsql AS $$
	DECLARE n int := 257; k jsonb; source text;
	BEGIN
		IF TG_OP <> 'TRUNCATE' AND TG_ARGV[0] <> '' THEN
			source := CASE TG_OP
				WHEN 'INSERT' THEN 'SELECT jsonb_build_array(%1$s) AS k FROM newt'
				WHEN 'DELETE' THEN 'SELECT jsonb_build_array(%1$s) AS k FROM oldt'
				ELSE 'SELECT jsonb_build_array(%1$s) AS k FROM oldt UNION SELECT jsonb_build_array(%1$s) FROM newt' END;
			EXECUTE format('SELECT count(*), jsonb_agg(k) FROM (' || source || ' LIMIT 257) AS s', TG_ARGV[0]) INTO n, k;
		END IF;
		IF n > 0 THEN
			INSERT INTO log(tab, op, keys) VALUES (TG_TABLE_NAME, left(TG_OP, 1), CASE WHEN n <= 256 THEN k END);
		END IF;
		RETURN NULL;
	END $$`,
}

// referenceKeys are the key columns of the tables.
var referenceKeys = map[string]string{"word": "name", "pair": "a, b", "loose": ""}

// install puts triggers on every table that has not got all of them.
func installReference(ctx context.Context, db *sql.DB) error {
	for _, table := range Tables() {
		keys, ok := referenceKeys[table]
		if !ok {
			keys = "id"
		}
		var n int
		err := db.QueryRowContext(ctx, "SELECT count(*) FROM pg_trigger WHERE tgrelid = '"+table+"'::regclass AND tgname LIKE 'capture%' AND tgenabled = 'A'").Scan(&n)
		if err != nil {
			return err
		}
		if n == 4 {
			continue
		}
		var all []string
		for event, images := range map[string]string{
			"INSERT": "REFERENCING NEW TABLE AS newt", "DELETE": "REFERENCING OLD TABLE AS oldt",
			"UPDATE": "REFERENCING OLD TABLE AS oldt NEW TABLE AS newt", "TRUNCATE": "",
		} {
			all = append(all,
				fmt.Sprintf("DROP TRIGGER IF EXISTS capture_%s ON %s", event, table),
				fmt.Sprintf("CREATE TRIGGER capture_%s AFTER %[1]s ON %s %s FOR EACH STATEMENT EXECUTE FUNCTION capture('%s')", event, table, images, keys),
				fmt.Sprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER capture_%s", table, event))
		}
		if _, err := db.ExecContext(ctx, strings.Join(append(all, ""), ";\n")); err != nil {
			return err
		}
	}
	return nil
}

// referenceEngine is an engine with transactions that overlap. Break, if not
// nil, breaks its sources.
func referenceEngine(breaking func(*reference)) Engine {
	return Engine{
		Name: "reference",
		Open: func(tb testing.TB) *Database {
			tb.Helper()
			return openReference(tb, breaking)
		},
		Upsert:   "ON CONFLICT (id) DO UPDATE SET ver = excluded.ver",
		Uncover:  []string{"ALTER TABLE item DISABLE TRIGGER ALL"},
		Cap:      referenceCap,
		Truncate: "TRUNCATE scratch",
		Prepared: &Prepared{
			Begin: []string{"BEGIN"}, Prepare: []string{"PREPARE TRANSACTION '{name}'"},
			Commit: []string{"COMMIT PREPARED '{name}'"}, Rollback: []string{"ROLLBACK PREPARED '{name}'"},
		},
		Naive:  "CREATE TABLE trace (id bigserial PRIMARY KEY, k integer NOT NULL)",
		Extras: []Extra{{Name: "COPY", Write: copyItems}, {Name: "MERGE", Write: mergeItems}},
		Lacks:  map[Feature]string{},
	}
}

func openReference(tb testing.TB, breaking func(*reference)) *Database {
	tb.Helper()
	db := server.Postgres(tb, server.Seed("conform", func(ctx context.Context, db *sql.DB) error {
		for _, s := range slices.Concat(Schema(), referenceDDL, []string{"INSERT INTO base(floor) VALUES ('0')"}) {
			if _, err := db.ExecContext(ctx, s); err != nil {
				return fmt.Errorf("%.60s: %w", s, err)
			}
		}
		return installReference(ctx, db)
	}))
	pool := db.DB()
	exec(tb, pool, "UPDATE base SET id = gen_random_uuid()") // it is a copy
	proxy := server.NewProxy(tb, db.Addr())
	return &Database{
		DB: pool, Schema: "public",
		Install: func(ctx context.Context) error { return installReference(ctx, pool) },
		Source: func() listen.Source {
			r := &reference{dsn: db.DSNVia(proxy.Addr()), where: "xid >= $1 OR xid = ANY($2)"}
			if breaking != nil {
				breaking(r)
			}
			return r
		},
		Prune: func(ctx context.Context) error { return pruneReference(ctx, pool) },
		Freeze: func() func() {
			proxy.Blackhole()
			return func() {
				if err := proxy.Heal(); err != nil {
					tb.Error(err)
				}
			}
		},
	}
}

// pruneReference empties the log. Open transactions of other databases hold
// the horizon back, too.
func pruneReference(ctx context.Context, db *sql.DB) error {
	for n := 1; n > 0; sleep(ctx, 5*time.Millisecond) {
		if _, err := db.ExecContext(ctx, `WITH d AS (DELETE FROM log WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) RETURNING xid)
			UPDATE base SET floor = greatest(floor, (SELECT max(xid) FROM d)) WHERE EXISTS (SELECT FROM d)`); err != nil {
			return err
		}
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM log").Scan(&n); err != nil {
			return err
		}
	}
	return nil
}

// reference is a source of PostgreSQL.
type reference struct {
	dsn string
	// where selects what was committed since a snapshot with $1 for its xmax
	// and $2 for its xip.
	where string
	// horizon: the cursor never passes an open transaction.
	horizon bool
	// byEnd: tokens are compared by where snapshots end, and not exactly, since
	// other databases of the server count, too.
	byEnd bool
	// blind: capture is not looked at.
	blind bool
}

// referenceCursor is a snapshot, and what capture looked like in it.
type referenceCursor struct {
	Base       string
	Xmin, Xmax uint64
	Xip        []uint64
	shape      string
}

func (s *reference) Connect(ctx context.Context) (listen.Reader, error) {
	connector, err := pq.NewConnector(s.dsn)
	if err != nil {
		return nil, err
	}
	lines := &lines{}
	connector.Dialer(lines)
	db := sql.OpenDB(connector)
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &referenceReader{source: s, db: db, conn: conn, lines: lines}, nil
}

type referenceReader struct {
	source *reference
	// connMu has the one who uses conn: a call of a *sql.Conn that begins while
	// another closes it can panic.
	connMu sync.Mutex
	db     *sql.DB
	conn   *sql.Conn
	lines  *lines
}

// Close hangs up first: a query that waits for an answer holds the connection
// until it comes.
func (r *referenceReader) Close() error {
	r.lines.hangUp()
	r.connMu.Lock()
	defer r.connMu.Unlock()
	_ = r.conn.Close()
	_ = r.db.Close() // neither can say goodbye any more
	return nil
}

// lines are the network connections of one reader.
type lines struct {
	linesMu sync.Mutex
	open    []net.Conn
	closed  bool
}

func (l *lines) Dial(network, address string) (net.Conn, error) {
	return l.DialTimeout(network, address, patience)
}

func (l *lines) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	c, err := net.DialTimeout(network, address, timeout)
	if err != nil {
		return nil, err
	}
	l.linesMu.Lock()
	defer l.linesMu.Unlock()
	if l.closed {
		_ = c.Close()
		return nil, net.ErrClosed
	}
	l.open = append(l.open, c)
	return c, nil
}

func (l *lines) hangUp() {
	l.linesMu.Lock()
	defer l.linesMu.Unlock()
	l.closed = true
	for _, c := range l.open {
		_ = c.Close()
	}
}

// shapeQuery is about everything of the tables and their triggers.
const shapeQuery = `SELECT md5(string_agg(concat_ws(' ', c.oid, c.relname, a.attname, a.atttypid), ',' ORDER BY c.oid, a.attnum))
	|| (SELECT md5(string_agg(concat_ws(' ', t.oid, t.xmin, t.tgenabled), ',' ORDER BY t.oid)) FROM pg_trigger t WHERE tgname LIKE 'capture%')
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> 'trace' AND c.relkind = 'r' AND a.attnum > 0`

func (r *referenceReader) Poll(ctx context.Context, since listen.Cursor) (d listen.Delta, err error) {
	r.connMu.Lock()
	defer r.connMu.Unlock()
	if err := ctx.Err(); err != nil {
		return d, err // lib/pq may answer before it notices
	}
	last, resumed := since.(referenceCursor)
	where := r.source.where
	if r.source.horizon {
		where = "xid >= $1 AND xid < pg_snapshot_xmin(s.snap) AND $2::xid8[] IS NOT NULL"
	}
	rows, err := r.conn.QueryContext(ctx, `SELECT s.snap::text, b.id::text, b.floor::text, (`+shapeQuery+`), l.tab, l.op, l.keys
		FROM (SELECT pg_current_snapshot() AS snap) s CROSS JOIN base b LEFT JOIN LATERAL (SELECT * FROM log WHERE `+where+`) l ON true`,
		strconv.FormatUint(last.Xmax, 10), pq.Array(texts(last.Xip)))
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var snapshot, floor string
	var next referenceCursor
	for rows.Next() {
		var table, op sql.NullString
		var keys []byte
		if err := rows.Scan(&snapshot, &next.Base, &floor, &next.shape, &table, &op, &keys); err != nil {
			return d, err
		}
		if table.Valid {
			changes, err := referenceChanges(table.String, op.String, keys)
			if err != nil {
				return d, err
			}
			d.Changes = append(d.Changes, changes...)
		}
	}
	if err := rows.Err(); err != nil {
		return d, err
	}
	if err := next.parse(snapshot); err != nil {
		return d, err
	}
	if r.source.horizon {
		next.Xmax = next.Xmin
	}
	low, err := strconv.ParseUint(floor, 10, 64)
	switch {
	case err != nil:
		return d, err
	case !resumed:
		d.Reset = "started"
	case next.Base != last.Base:
		d.Reset = "another database"
	case low >= last.Xmin:
		d.Reset = "pruned"
	case next.shape != last.shape && !r.source.blind:
		d.Reset = "capture has changed"
	}
	if d.Reset != "" {
		d.Changes = nil
	}
	d.Cursor = next
	return d, nil
}

func texts(xids []uint64) []string {
	all := make([]string, len(xids))
	for i, x := range xids {
		all[i] = strconv.FormatUint(x, 10)
	}
	return all
}

// parse reads "xmin:xmax:xip,xip".
func (c *referenceCursor) parse(snapshot string) error {
	parts := strings.Split(snapshot, ":")
	if len(parts) != 3 {
		return fmt.Errorf("snapshot %q", snapshot)
	}
	numbers := parts[:2]
	if parts[2] != "" {
		numbers = append(numbers, strings.Split(parts[2], ",")...)
	}
	var all []uint64
	for _, n := range numbers {
		x, err := strconv.ParseUint(n, 10, 64)
		if err != nil {
			return err
		}
		all = append(all, x)
	}
	c.Xmin, c.Xmax, c.Xip = all[0], all[1], all[2:]
	return nil
}

func referenceChanges(table, op string, keys []byte) ([]listen.Change, error) {
	change := listen.Change{Table: dialects.Table{Schema: "public", Name: table}, Op: listen.Whole}
	if keys == nil {
		return []listen.Change{change}, nil
	}
	change.Op = listen.Op(op[0])
	var parsed [][]any
	decoder := json.NewDecoder(bytes.NewReader(keys))
	decoder.UseNumber()
	if err := decoder.Decode(&parsed); err != nil {
		return nil, err
	}
	var all []listen.Change
	for _, key := range parsed {
		for i, part := range key {
			if n, ok := part.(json.Number); ok {
				var err error
				if key[i], err = n.Int64(); err != nil {
					return nil, err
				}
			}
		}
		if change.Key = any(key); len(key) == 1 {
			change.Key = key[0]
		}
		all = append(all, change)
	}
	return all, nil
}

func (s *reference) Token(c listen.Cursor) (string, error) {
	text, err := json.Marshal(c)
	return string(text), err
}

func (s *reference) Reached(c listen.Cursor, token string) (bool, error) {
	var other referenceCursor
	mine, ok := c.(referenceCursor)
	if err := json.Unmarshal([]byte(token), &other); err != nil || !ok || other.Base == "" || other.Base != mine.Base {
		return false, &listen.TokenError{Why: "is of another database"}
	}
	if s.byEnd {
		return mine.Xmax+100_000 > other.Xmax, nil
	}
	return mine.Xmax >= other.Xmax && !slices.ContainsFunc(mine.Xip, func(x uint64) bool {
		return x < other.Xmax && !slices.Contains(other.Xip, x)
	}), nil
}

func copyItems(ctx context.Context, conn *sql.Conn, _, fresh []int64) ([]Row, error) {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	stmt, err := tx.PrepareContext(ctx, "COPY item (id, grp, note, ver) FROM STDIN")
	if err != nil {
		return nil, err
	}
	for _, id := range fresh {
		if _, err := stmt.ExecContext(ctx, id, 1, "copied", 1); err != nil {
			return nil, err
		}
	}
	if _, err := stmt.ExecContext(ctx); err != nil {
		return nil, err
	}
	if err := stmt.Close(); err != nil {
		return nil, err
	}
	return items(fresh...), tx.Commit()
}

func mergeItems(ctx context.Context, conn *sql.Conn, old, fresh []int64) ([]Row, error) {
	ids := slices.Concat(old, fresh)
	_, err := conn.ExecContext(ctx, `MERGE INTO item USING (SELECT unnest('{`+strings.Trim(in(ids...), "()")+`}'::int[]) AS id) AS n ON item.id = n.id
		WHEN MATCHED THEN UPDATE SET ver = ver + 1 WHEN NOT MATCHED THEN INSERT (id, grp, note, ver) VALUES (n.id, 1, 'merged', 1)`)
	return items(ids...), err
}
