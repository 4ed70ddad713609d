package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/vantage-go/live/listen"
)

// maxDelta is the most log rows that one poll reads. A reader that is further
// behind starts afresh: reading everything again is cheaper.
const maxDelta = 50_000

// No poll delivers more than about so many keys, and bytes of keys as they are
// stored. What comes behind them marks its table as a whole.
const (
	maxKeys     = 2 * maxTableKeys
	maxKeyBytes = 4 << 20
)

// place is where a log lives: two copies of one database, as made by CREATE
// DATABASE … TEMPLATE or pg_upgrade, have logs that begin alike.
type place struct {
	sysid string // of the cluster, which its standbys share
	dboid string
}

// cursor is a place in the log of one database: everything that the snapshot
// saw has been reported.
type cursor struct {
	place    place
	epoch    string // empty when there was no log
	snapshot snapshot
	// prepared may end without rows: see [preparations.older]. Some may have
	// ended before the snapshot.
	prepared []uint64
	// schema is the one that the consumers know.
	schema *schema
	// fingerprint is that of the schema.
	fingerprint string
	// checked is the snapshot of the last poll that looked at the capture.
	checked snapshot
}

// logged reports whether there was a log.
func (c cursor) logged() bool { return c.epoch != "" }

// singleRow says of epoch and meta that they have one row each. The planner
// takes tables that were never analysed for more: a million rows come out, each
// with a fingerprint, and the statement is compiled for nine milliseconds.
const singleRow = " FROM (SELECT) AS once LEFT JOIN (SELECT * FROM livesql.epoch LIMIT 1) AS e ON true LEFT JOIN (SELECT * FROM livesql.meta LIMIT 1) AS m ON true"

// question is the one statement of a poll. That it is one is what makes the
// cursor exact: pg_current_snapshot() tells the very snapshot under which the
// statement sees the log.
//
// Let S0 be the snapshot of the last poll and S1 that of this one, and x the
// transaction of a row that S1 sees. If x >= S0.xmax, or x is in S0.xip, then x
// had not ended in S0: the row was not seen, and is to be read. Otherwise x had
// ended in S0. It has committed, since S1 sees its row; so S0 saw it, too. No
// row is missed, however long its transaction took, none comes twice, and
// nothing waits for transactions that are still running.
//
// The two conditions are two scans of the index on xid, which read exactly the
// rows of the delta. They exclude each other. The first one has an upper end,
// too: of a range, the planner expects few rows even while it knows nothing of
// a young log, of everything above a value it expects a third, and would read
// the log from one end to the other each time. There is no order, and the
// numbers are literals: a statement without parameters is sent by the simple
// protocol, in one round trip that every pooler understands.
func question(since cursor, check bool) string {
	const none = ", NULL"
	log := fmt.Sprintf("SELECT 1, rel::text, op::text, CASE WHEN sum(n) OVER up <= %d AND sum(pg_catalog.pg_column_size(keys)) OVER up <= %d THEN keys::text END", maxKeys, maxKeyBytes) + none + none + none + none + none + " FROM livesql.log WHERE xid "
	fingerprint := "NULL::text"
	if check {
		fingerprint = fingerprintCall
	}
	limit := " WINDOW up AS (ROWS UNBOUNDED PRECEDING) LIMIT " + strconv.Itoa(maxDelta+1) + ")"
	var b strings.Builder
	b.WriteString("SELECT 0, pg_current_snapshot()::text, e.id::text, e.sysid::text, e.dboid::text, m.floor_xid::text, m.version::text, m.bell || CASE WHEN m.later THEN '+' ELSE '' END, ")
	b.WriteString(fingerprint)
	b.WriteString(singleRow)
	if !since.logged() {
		return b.String()
	}
	b.WriteString(" UNION ALL (" + log + "BETWEEN '")
	b.WriteString(strconv.FormatUint(since.snapshot.xmax, 10))
	b.WriteString("'::xid8 AND '" + strconv.FormatUint(math.MaxUint64, 10) + "'::xid8" + limit)
	if len(since.snapshot.xip) > 0 {
		b.WriteString(" UNION ALL (" + log + "= ANY ('{")
		b.Write(since.snapshot.appendRunning(nil))
		b.WriteString("}'::xid8[])" + limit)
	}
	return b.String()
}

// answer is what a poll's statement returned.
type answer struct {
	snapshot snapshot
	epoch    string
	place    place // according to the epoch row
	floor    uint64
	version  int
	bell     listen.Bell
	later    bool
	// fingerprint is empty when it was not asked for.
	fingerprint string
	rows        []logRow
}

// logRow is one row of the log.
type logRow struct {
	rel  uint32
	op   listen.Op
	keys string // JSON, empty for a mark on the whole table
}

// asker is what a poll's statement is sent over.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// ask sends a poll's statement. The rows come in any order.
func ask(ctx context.Context, q asker, statement string, args []any) (a *answer, err error) {
	rows, err := q.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("postgres: reading the change log: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	a = &answer{}
	headed := false
	var kind int
	var text [8]sql.NullString
	into := []any{&kind}
	for i := range text {
		into = append(into, &text[i])
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("postgres: reading the change log: %w", err)
		}
		if kind == 0 {
			headed = true
			err = a.head(text)
		} else {
			err = a.row(text)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("postgres: reading the change log: %w", err)
	}
	if !headed {
		return nil, errors.New("postgres: the change log gave no answer")
	}
	return a, nil
}

func (a *answer) head(text [8]sql.NullString) (err error) {
	if a.snapshot, err = parseSnapshot(text[0].String); err != nil {
		return err
	}
	a.epoch = text[1].String
	a.place = place{sysid: text[2].String, dboid: text[3].String}
	mode, later := strings.CutSuffix(text[6].String, "+")
	a.bell, a.later = listen.Bell(mode), later
	a.fingerprint = text[7].String
	if !text[5].Valid {
		return errors.New("postgres: livesql.meta is empty; livesql install puts it right")
	}
	if a.version, err = strconv.Atoi(text[5].String); err != nil {
		return fmt.Errorf("postgres: reading the layout of the change log: %w", err)
	}
	if a.floor, err = strconv.ParseUint(text[4].String, 10, 64); err != nil {
		return fmt.Errorf("postgres: reading the floor of the change log: %w", err)
	}
	return nil
}

func (a *answer) row(text [8]sql.NullString) error {
	rel, err := strconv.ParseUint(text[0].String, 10, 32)
	if err != nil {
		return fmt.Errorf("postgres: reading the change log: %w", err)
	}
	r := logRow{rel: uint32(rel), op: listen.Whole, keys: text[2].String}
	if op := text[1].String; len(op) == 1 {
		r.op = listen.Op(op[0])
	}
	a.rows = append(a.rows, r)
	return nil
}

// gap says why a, the answer to a question about since, does not prove that
// nothing is missing. It is empty if it does.
//
// The number of every transaction that S0 did not see is at least S0.xmin, and
// that of every row that was pruned is at most the floor, which moves with the
// rows in one transaction. So while floor < S0.xmin nothing was pruned that S0
// had not seen. The pruner leaves rows alone whose transactions are not below
// every running one, so that slow transactions hold the floor down.
//
// After a crash the server may give out numbers again whose transactions were
// lost: the snapshot means nothing then. The epoch is in an unlogged table, as
// the log is, which a crash, a promotion and a restore all leave empty, and
// which is filled with a new one. What was prepared before then ends without
// rows: see [preparations].
func (a *answer) gap(since cursor) string {
	switch {
	case !since.logged():
		return "livesql has been installed in this database"
	case a.place != since.place:
		return "the change log is that of another database"
	case a.epoch != since.epoch:
		return "the server has crashed, or was restored or replaced"
	case a.floor >= since.snapshot.xmin:
		return "the change log was pruned since it was last read"
	case !a.snapshot.covers(since.snapshot):
		return "the server has gone back in time"
	case since.lost(a.snapshot):
		return "a transaction has ended that was prepared before the change log began, and may be missing from it"
	case len(a.rows) > maxDelta:
		return "too many changes at once"
	}
	return ""
}
