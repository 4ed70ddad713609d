package mysql

import "github.com/vantage-go/live/listen"

// Why no committed change is missed.
//
// A log row is inserted by a trigger, so it becomes visible together with the
// change that it tells of, and it has no batch then. Ids say nothing about the
// order of commits: a lower one may appear long after a higher one. Batches
// do, because of how they are given: a stamper locks the row of livesql_head
// to the end of its transaction, takes a number higher than any before, and
// gives it to rows that are committed already.
//
//  1. A poll is one statement under READ COMMITTED, so that it reads one
//     snapshot, taken after it was sent. Whatever was committed before is in
//     it, with a batch or without.
//  2. Stampers come one after the other, and each becomes visible before it
//     lets the next one in. So a snapshot in which the head says b holds every
//     row that has, or ever will have, a batch of at most b.
//  3. Suppose everything in the cursor's snapshot was reported: every row with
//     a batch up to cursor.batch, and the rows in cursor.early, which had
//     none. The next poll reads the rows with a higher batch and those without
//     one. By 2, what it does not read was in the cursor's snapshot, and the
//     rest is new, unless it is in early. The new cursor is the head's batch
//     and the rows without a batch in this same snapshot. So the supposition
//     holds again.
//
// Nothing here depends on ids, holes between them, rollbacks, savepoints,
// prepared transactions, clocks, or on a stamper that lives: without one the
// rows without a batch grow in number, and each poll reads them again.
//
// When there are too many rows to read, the poll stops reading, and reports
// every table as a whole. That reports every row of the snapshot, whichever
// they are, and the head of the same snapshot tells the cursor's batch. The
// rows without a batch are not remembered, and reported once more later: that
// is harmless.

// place is the log that a cursor belongs to.
type place struct {
	server string
	boot   int64
	epoch  string
}

// cursor is a place in the log of one server. It is never modified.
type cursor struct {
	at place
	// batch is the highest in the snapshot.
	batch uint64
	// early holds the ids of the rows in the snapshot that had no batch.
	early map[uint64]struct{}
	// partial: there were others, which were reported by marks on tables.
	partial bool
	// schema is the fingerprint of the schema, rights that of who may read, and
	// ids are InnoDB's of the tables under the fingerprint tables.
	schema, rights, tables string
	ids                    map[string]uint64
	// known is that schema, and on the server.
	known *schema
	on    *host
}

// broken says why the log of a view does not continue where the cursor stands,
// or returns nothing.
func (c cursor) broken(at place, head head) string {
	if why := c.elsewhere(at); why != "" {
		return why
	}
	switch {
	case c.at.epoch != at.epoch:
		return "the change log was created anew"
	case c.batch < head.floor:
		return "the change log was pruned beyond what was read"
	case c.batch > head.last:
		return "the change log was set back, as when a backup is restored"
	}
	return ""
}

// elsewhere says why the server is not the cursor's, or returns nothing.
func (c cursor) elsewhere(at place) string {
	switch {
	case c.at.server != at.server:
		return "another server has taken the place of the database's"
	case !sameBoot(c.at.boot, at.boot):
		return "the server was restarted"
	}
	return ""
}

// after returns the cursor behind a view that continues c, and what it adds.
func (c cursor) after(v *view) (next cursor, fresh []logRow) {
	next = c
	next.batch, next.partial, next.early = v.head.last, false, v.early
	for _, row := range v.rows {
		if _, told := c.early[row.id]; !told {
			fresh = append(fresh, row)
		}
	}
	return next, fresh
}

// start makes c the cursor behind everything in a view.
func (c cursor) start(at place, v *view, remember int) cursor {
	c.at, c.batch = at, v.head.last
	c.early, c.partial = v.early, v.more || len(v.early) > remember
	if c.partial {
		c.early = nil
	}
	return c
}

// view is one snapshot of the log.
type view struct {
	head head
	// rows are those behind a batch and those without one, up to a limit; more
	// reports that there are others.
	rows []logRow
	more bool
	// early holds the ids of those that have no batch.
	early map[uint64]struct{}
}

type head struct {
	last, floor uint64
	version     int
	later       bool
	epoch       string
	server      string
	readOnly    bool
}

type logRow struct {
	id      uint64
	stamped bool
	table   uint32
	op      listen.Op
	key     any
}

// add adds a row.
func (v *view) add(row logRow) {
	v.rows = append(v.rows, row)
	if row.stamped {
		return
	}
	if v.early == nil {
		v.early = make(map[uint64]struct{})
	}
	v.early[row.id] = struct{}{}
}
