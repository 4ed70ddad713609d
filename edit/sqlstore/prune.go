package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
)

// LedgerRetention sets how long the ledger keeps its notes: a week without it,
// for good if d is not positive. A save whose note was dropped is never done
// twice: of what an outbox has kept for longer it is only told that its outcome
// is not known, where the row itself does not tell. Programs that share a ledger
// may differ in it.
//
// Notes are dropped between the batches of the writer: at most once an hour, or
// 24 times in d if that is less, and no more than a thousand at a time.
func LedgerRetention(d time.Duration) Option { return func(s *Store) { s.retention = d } }

const (
	// defaultRetention is a compromise: a laptop that was closed for some days
	// still learns what became of its saves.
	defaultRetention = 7 * 24 * time.Hour
	// pruneRows bounds the notes that are dropped at a time: some milliseconds.
	pruneRows = 1000
	// pruneInterval bounds the time between two looks for old notes.
	pruneInterval = time.Hour
	// marker is the name of the row that tells up to when notes were dropped.
	marker = "livesql"
	// markerTime is how it does so: texts that compare as the times.
	markerTime = "2006-01-02T15:04:05Z"
)

// pruning tells when it is time to look for old notes.
type pruning struct {
	pruningMu sync.Mutex
	next      time.Time
}

// due reports whether it is time, and takes it.
func (p *pruning) due(interval time.Duration) bool {
	p.pruningMu.Lock()
	defer p.pruningMu.Unlock()
	now := time.Now()
	if now.Before(p.next) {
		return false
	}
	p.next = now.Add(interval)
	return true
}

// again makes it time at once.
func (p *pruning) again() {
	p.pruningMu.Lock()
	defer p.pruningMu.Unlock()
	p.next = time.Time{}
}

// Tidy implements [edit.Forgetful].
func (s *Store) Tidy(ctx context.Context) error {
	if !s.ledger || s.retention <= 0 || !s.pruning.due(min(pruneInterval, s.retention/24)) {
		return nil
	}
	n, err := s.prune(ctx, s.retention)
	if err == nil && n == pruneRows {
		s.pruning.again()
	}
	return err
}

// PruneLedger drops notes that are older than age. It is for programs that want
// it at a time of their own; see [LedgerRetention].
func (s *Store) PruneLedger(ctx context.Context, age time.Duration) error {
	for {
		if n, err := s.prune(ctx, age); err != nil || n < pruneRows {
			return err
		}
	}
}

// prune drops some of the notes that are older than age, and returns how many.
// Notes that another program is dropping are left to it.
func (s *Store) prune(ctx context.Context, age time.Duration) (n int64, err error) {
	l, err := s.take(ctx)
	if err != nil {
		return 0, err
	}
	b := &batch{store: s, engine: s.engine, link: l}
	if err = s.engine.begin(ctx, l); err == nil {
		if n, err = s.dropNotes(ctx, l, age); err == nil && n > 0 {
			err = l.plain(ctx, "COMMIT")
		}
		if err != nil || n == 0 {
			b.broken = err != nil && (lost(err) || outdated(err))
			b.rollback(ctx)
		}
	}
	s.put(l, b.broken || err != nil && lost(err))
	switch {
	case err == nil:
		return n, nil
	case understand(s.engine, err).state == edit.Locked:
		return 0, nil
	}
	return 0, fmt.Errorf("edit: pruning %s: %w", ledgerTable, err)
}

// dropNotes drops notes, and in the same transaction writes down up to when: who
// finds no note finds that. Notes have the time of the database.
func (s *Store) dropNotes(ctx context.Context, l *link, age time.Duration) (int64, error) {
	const old = " FROM " + ledgerTable + " WHERE id <> '" + marker + "' AND at < "
	seconds := strconv.FormatInt(int64(age/time.Second), 10)
	few := " ORDER BY at LIMIT " + itoa(pruneRows)
	var text string
	switch flavorOf(s.engine) {
	case dialects.Postgres:
		text = "DELETE FROM " + ledgerTable + " WHERE id IN (SELECT id" + old + "now() - make_interval(secs => $1::text::double precision)" + few + " FOR UPDATE SKIP LOCKED)"
	case dialects.MySQL:
		text = "DELETE" + old + "CURRENT_TIMESTAMP - INTERVAL ? SECOND" + few
	default:
		text = "DELETE FROM " + ledgerTable + " WHERE id IN (SELECT id" + old + "datetime('now', ?)" + few + ")"
		seconds = fmt.Sprintf("%+d seconds", -int64(age/time.Second))
	}
	_, n, err := l.exec(ctx, text, []any{seconds})
	if err != nil || n == 0 {
		return 0, err
	}
	return n, s.mark(ctx, l, time.Now().Add(-max(age, 0)))
}

// mark writes down up to when notes were dropped, unless that was later before.
func (s *Store) mark(ctx context.Context, l *link, limit time.Time) error {
	until := limit.UTC().Format(markerTime)
	one, two := s.engine.placeholder(1), s.engine.placeholder(2)
	_, n, err := l.exec(ctx, "UPDATE "+ledgerTable+" SET row_key = "+one+" WHERE id = '"+marker+"' AND row_key < "+two, []any{until, until})
	if err != nil || n > 0 {
		return err
	}
	insert, ignore := "INSERT INTO ", " ON CONFLICT (id) DO NOTHING"
	if flavorOf(s.engine) == dialects.MySQL {
		insert, ignore = "INSERT IGNORE INTO ", ""
	}
	_, _, err = l.exec(ctx, insert+ledgerTable+" (id, row_key) VALUES ('"+marker+"', "+one+")"+ignore, []any{until})
	return err
}

// Forgotten implements [edit.Forgetful].
func (s *Store) Forgotten(ctx context.Context) (until time.Time, err error) {
	l, err := s.take(ctx)
	if err != nil {
		return until, err
	}
	err = l.query(ctx, "SELECT row_key FROM "+ledgerTable+" WHERE id = '"+marker+"'", nil, func(rows *sql.Rows) error {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		until, err = time.Parse(markerTime, text)
		return err
	})
	s.put(l, err != nil && (lost(err) || outdated(err)))
	if err != nil {
		return until, fmt.Errorf("edit: reading %s: %w", ledgerTable, err)
	}
	return until, nil
}

var _ edit.Forgetful = (*Store)(nil)
