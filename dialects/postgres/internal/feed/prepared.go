package feed

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Prepared transactions outlive a crash, a promotion and a restore, and the log
// does not: one that was prepared before ends without a row, though its writes
// show then. Whoever has it among the running ones of a cursor must start afresh
// when it ends. They are those that are prepared and older than the epoch, which
// was made after whatever emptied the log.
//
// An ordinary transaction that is older than the epoch began on the server that
// runs, so its rows are there. One that was prepared since the epoch has its
// rows, too. Neither costs a reset.

// preparedSQL asks which epoch there is, which transaction made it, and what is
// prepared in this database: no other transaction writes to its tables.
const preparedSQL = `SELECT e.id::text, e.made::text, (SELECT string_agg(p.transaction::text, ',') FROM pg_catalog.pg_prepared_xacts AS p WHERE p.database = current_database())
	FROM (SELECT) AS once LEFT JOIN (SELECT id, xmin AS made FROM livesql.epoch LIMIT 1) AS e ON true`

// preparations are what preparedSQL told. Numbers of transactions have their
// lower halves only.
type preparations struct {
	epoch string // empty when there is none
	made  uint32
	xids  []uint32
}

// askPrepared is asked before the first snapshot that is kept of an epoch. What
// was prepared before the epoch was prepared at all times from then on until it
// ended. So whatever of it runs in that snapshot, or a later one, is in the
// list, provided that the epoch is the same.
func (r *reader) askPrepared(ctx context.Context) (p preparations, err error) {
	var epoch, made, list sql.NullString
	err = r.plainly(ctx, func(c session) error {
		return simple{c, r.db.driver.Simple}.QueryRowContext(ctx, preparedSQL).Scan(&epoch, &made, &list)
	})
	if err != nil {
		return p, fmt.Errorf("postgres: reading what is prepared: %w", err)
	}
	if !epoch.Valid {
		return p, nil
	}
	p.epoch = epoch.String
	if p.made, err = parseHalf(made.String); err != nil {
		return p, err
	}
	if list.String == "" {
		return p, nil
	}
	for text := range strings.SplitSeq(list.String, ",") {
		xid, err := parseHalf(text)
		if err != nil {
			return p, err
		}
		p.xids = append(p.xids, xid)
	}
	return p, nil
}

func parseHalf(text string) (uint32, error) {
	xid, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("postgres: %q is no transaction: %w", text, err)
	}
	return uint32(xid), nil
}

// older returns those that ran in s and are older than the epoch. Lower halves
// tell the running ones apart: these are never 2³¹ transactions away from each
// other.
func (p preparations) older(s snapshot) (xids []uint64) {
	made := s.latest(p.made)
	for _, xid := range s.xip {
		if slices.Contains(p.xids, uint32(xid)) &&
			xid < made {
			xids = append(xids, xid)
		}
	}
	return xids
}

// latest returns the highest number below xmax whose lower half is half. It may
// be 2³² transactions too high for an epoch that is that old. Only transactions
// that ran while this number was given out are taken for older ones then.
func (s snapshot) latest(half uint32) uint64 {
	const wrap = 1 << 32
	xid := s.xmax/wrap*wrap + uint64(half)
	if xid >= s.xmax && xid >= wrap {
		xid -= wrap
	}
	return xid
}

// lost reports whether a transaction has ended between c and s whose rows went
// with an earlier log.
func (c cursor) lost(s snapshot) bool {
	for _, xid := range c.prepared {
		_, ran := slices.BinarySearch(c.snapshot.xip, xid)
		_, runs := slices.BinarySearch(s.xip, xid)
		if ran && !runs {
			return true
		}
	}
	return false
}
