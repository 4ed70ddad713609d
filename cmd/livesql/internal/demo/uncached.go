package demo

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"strings"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/livesql"
)

// uncached shows what livesql leaves to the database, and why.
func (s *show) uncached(ctx context.Context) error {
	s.scene("5  What is cached, what is not, and why")
	s.text("What db.Explain says of a statement:")
	var rows [][]string
	as, wrong := 0, ""
	hits, read := uint64(0), 0
	for _, st := range sampleStatements {
		e, err := s.live.Explain(ctx, st.text)
		if err != nil {
			return fmt.Errorf("explaining %s: %w", st.text, err)
		}
		if e.Cached == st.cached && (e.Cached || e.Reason != "") {
			as++
		} else if wrong == "" {
			wrong = "; not " + st.text
		}
		rows = append(rows, []string{st.text, e.String()})
		if !st.read {
			continue
		}
		before := s.live.CacheStats().Hits
		for range 3 {
			if _, err := rowsOf(ctx, s.live, st.text); err != nil {
				return fmt.Errorf("%s: %w", st.text, err)
			}
			read++
		}
		hits += s.live.CacheStats().Hits - before
	}
	s.table([]string{"statement", "Explain"}, rows)
	s.claim(wrong == "", "Explain says what is expected of each, with a reason", of(as, len(sampleStatements))+wrong)
	s.claim(hits == 0, "reads that are not cached never come from memory", fmt.Sprintf("%d reads, %d from memory", read, hits))
	fmt.Fprintln(s.out)

	s.text("The same query, which is cached, where it must not be answered from memory:")
	return s.bypasses(ctx)
}

// bypass is a way of reading that must go to the database.
type bypass struct {
	title  string
	reason cache.Bypass
	read   func(ctx context.Context, s *show) error
}

var bypassWays = []bypass{
	{"in a transaction", cache.InTransaction, func(ctx context.Context, s *show) error {
		tx, err := s.live.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		_, err = answer(ctx, tx, sampleRead)
		return err
	}},
	{"after BEGIN sent as text", cache.InTransaction, onConn("BEGIN", "ROLLBACK")},
	{"on a connection with a temporary table", cache.Tainted, onConn("CREATE TEMP TABLE demo_mine(x)", "DROP TABLE temp.demo_mine")},
	{"while another result is open on the connection", cache.OpenResult, func(ctx context.Context, s *show) error {
		conn, err := s.live.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		// It is read row by row: what is not kept is not read ahead.
		rows, err := conn.QueryContext(livesql.NoCache(ctx), "SELECT name FROM products")
		if err != nil {
			return err
		}
		defer rows.Close()
		rows.Next()
		if _, err := answer(ctx, conn, sampleRead); err != nil {
			return err
		}
		return rows.Err()
	}},
	{"with livesql.NoCache(ctx)", cache.OptedOut, func(ctx context.Context, s *show) error {
		_, err := answer(livesql.NoCache(ctx), s.live, sampleRead)
		return err
	}},
}

// onConn reads on a connection between two statements.
func onConn(before, after string) func(context.Context, *show) error {
	return func(ctx context.Context, s *show) error {
		conn, err := s.live.Conn(ctx)
		if err != nil {
			return err
		}
		defer func() {
			// What a session was changed by lasts as long as its connection, and
			// so does livesql's caution: the pool must not have this one back.
			_ = conn.Raw(func(any) error { return sqldriver.ErrBadConn })
			_ = conn.Close()
		}()
		if _, err := conn.ExecContext(ctx, before); err != nil {
			return err
		}
		if _, err := answer(ctx, conn, sampleRead); err != nil {
			return err
		}
		_, err = conn.ExecContext(ctx, after)
		return err
	}
}

// bypasses reads in ways that must go to the database, with the answer in
// memory.
func (s *show) bypasses(ctx context.Context) error {
	var rows [][]string
	right := 0
	for _, way := range bypassWays {
		// A statement like DROP TABLE suspends the cache until the next poll.
		if err := s.live.Feed().Sync(ctx); err != nil {
			return err
		}
		if _, err := answer(ctx, s.live, sampleRead); err != nil {
			return err
		}
		before := s.live.CacheStats()
		if err := way.read(ctx, s); err != nil {
			return fmt.Errorf("reading %s: %w", way.title, err)
		}
		after := s.live.CacheStats()
		bypassed := after.Bypassed[way.reason] - before.Bypassed[way.reason]
		where := fmt.Sprintf("counted as %q", way.reason)
		if bypassed == 1 && after.Hits == before.Hits {
			right++
		} else {
			where = fmt.Sprintf("not as %q: %v, %d from memory", way.reason, after.Bypassed, after.Hits-before.Hits)
		}
		rows = append(rows, []string{way.title, where})
	}
	s.table([]string{"way of reading", "went to the database"}, rows)
	s.claim(right == len(bypassWays), "each of them went to the database", of(right, len(bypassWays)))
	return s.inMemory(ctx)
}

// inMemory opens an in-memory database, which is not made live.
func (s *show) inMemory(ctx context.Context) error {
	db, err := livesql.Open(ctx, "sqlite", ":memory:")
	if err != nil {
		return err
	}
	defer db.Close()
	werr := db.Feed().WaitLive(ctx)
	e, err := db.Explain(ctx, "SELECT 1")
	if err != nil {
		return err
	}
	reason, _, _ := strings.Cut(e.Reason, "\n")
	s.claim(werr != nil && !e.Cached && reason != "", "an in-memory database is not cached", reason)
	return nil
}
