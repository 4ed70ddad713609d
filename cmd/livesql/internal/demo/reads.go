package demo

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"

	"github.com/vantage-go/live/cache"
)

// noLease is how many reads went to the database because the feed was not
// live.
func noLease(s cache.Stats) uint64 { return s.Bypassed[cache.NoLease] }

// querier is a *sql.DB, *sql.Tx or *sql.Conn.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// rowsOf returns the whole result of a query, values as the driver gave them.
func rowsOf(ctx context.Context, q querier, text string, args ...any) (all [][]any, err error) {
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		row, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// answer returns the only value of a query, as text.
func answer(ctx context.Context, q querier, text string) (string, error) {
	rows, err := rowsOf(ctx, q, text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", text, err)
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		return "", fmt.Errorf("%s: %d rows where one value was expected", text, len(rows))
	}
	return fmt.Sprint(rows[0][0]), nil
}

// reads measures queries with the plain driver, and through livesql with
// nothing in memory and with the result there.
func (s *show) reads(ctx context.Context) error {
	s.scene("1  Reads")
	s.text(
		"Each query is read with the plain driver; through livesql right after a write of",
		"one of its tables, which is a miss; and through livesql again and again. Medians.",
	)
	var total readFigures
	var rows [][]string
	slower := ""
	for _, q := range sampleQueries {
		var f readFigures
		if err := s.steady(ctx, func() (err error) { f, err = s.measureReads(ctx, q); return err }); err != nil {
			return fmt.Errorf("%s: %w", q.title, err)
		}
		total.add(f)
		if f.warm.median >= f.plain.median {
			slower = q.title
		}
		rows = append(rows, []string{
			q.title, count(f.rows), span(f.plain.median), span(f.cold.median), span(f.warm.median),
			digits(float64(f.plain.median)/float64(f.warm.median)) + "×",
			count(f.plain.allocs), count(f.warm.allocs),
		})
	}
	s.table([]string{"query", " rows", " plain driver", " miss", " from memory", " ratio", " allocs driver", " allocs memory"}, rows)

	s.claim(total.equal == total.compared, "every answer equals the plain driver's, values and types", of(total.equal, total.compared))
	s.claim(total.misses == total.cold.n, "a read after a write of its tables goes to the database", of(total.misses, total.cold.n))
	s.claim(total.hits == total.warm.n, "every further read comes from memory", of(total.hits, total.warm.n))
	switch {
	case raceDetector:
		s.text("This program was built with the race detector, which slows livesql and not SQLite:",
			"whether memory is faster than the database is not judged.")
	case slower == "":
		slower = "each of " + count(len(sampleQueries)) + " queries"
		s.claim(true, "memory is faster than the database", slower)
	default:
		s.claim(false, "memory is faster than the database", slower+" is not")
	}
	return nil
}

// readFigures is what reading one query has shown.
type readFigures struct {
	rows              int
	plain, cold, warm figures
	// misses and hits are how the cold and the warm reads were answered.
	misses, hits int
	// compared answers, and how many of them were right.
	compared, equal int
}

func (f *readFigures) add(g readFigures) {
	f.cold.n += g.cold.n
	f.warm.n += g.warm.n
	f.misses += g.misses
	f.hits += g.hits
	f.compared += g.compared
	f.equal += g.equal
}

func (s *show) measureReads(ctx context.Context, q sampleQuery) (f readFigures, err error) {
	want, err := rowsOf(ctx, s.database, q.text, q.args...)
	if err != nil {
		return f, err
	}
	f.rows = len(want)
	check := func(got [][]any) {
		f.compared++
		if reflect.DeepEqual(got, want) {
			f.equal++
		}
	}
	if err := s.coldReads(ctx, q, &f, check); err != nil {
		return f, err
	}
	// Wait until the feed has told of the writes above, then fill.
	if err := s.live.Feed().Sync(ctx); err != nil {
		return f, err
	}
	for range 2 {
		got, err := rowsOf(ctx, s.live, q.text, q.args...)
		if err != nil {
			return f, err
		}
		check(got)
	}
	before := s.live.CacheStats()
	f.plain, f.warm, err = measureBoth(s.effort,
		func() error { return drain(ctx, s.database, q) },
		func() error { return drain(ctx, s.live, q) })
	if err != nil {
		return f, err
	}
	f.hits = int(s.live.CacheStats().Hits - before.Hits)
	got, err := rowsOf(ctx, s.live, q.text, q.args...)
	check(got)
	return f, err
}

// coldReads reads the query after writes that change no value: the cache
// cannot know that, and must forget.
func (s *show) coldReads(ctx context.Context, q sampleQuery, f *readFigures, check func([][]any)) error {
	var samples figureSamples
	for range s.effort.coldReads {
		if _, err := s.live.ExecContext(ctx, q.touch); err != nil {
			return fmt.Errorf("%s: %w", q.touch, err)
		}
		before := s.live.CacheStats()
		var got [][]any
		err := samples.time(func() (err error) { got, err = rowsOf(ctx, s.live, q.text, q.args...); return err })
		if err != nil {
			return err
		}
		check(got)
		f.misses += int(s.live.CacheStats().Misses - before.Misses)
	}
	f.cold = samples.figures()
	return nil
}

// drain reads a query as a program that looks at every value does.
func drain(ctx context.Context, q querier, query sampleQuery) error {
	rows, err := q.QueryContext(ctx, query.text, query.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns := make([]any, query.columns)
	values := make([]any, query.columns)
	for i := range columns {
		columns[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(columns...); err != nil {
			return err
		}
	}
	return rows.Err()
}
