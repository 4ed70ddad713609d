package torture

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/livesql"
)

// Sight is what a watching process saw of one read.
type Sight struct {
	// Start and End are when it began and ended, on the machine's monotonic
	// clock in nanoseconds.
	Start, End int64
	Version    int64
	// Hit: the answer came from memory.
	Hit bool
}

// watched is what a watching process reads over and over.
const watched = "SELECT n FROM seq"

// sleepGap is the time between two answers from which on a process must have been
// stopped.
const sleepGap = time.Second

// reportAfter is how many reads are reported then.
const reportAfter = 4

// watchProcess reads the same row without a pause. It prints one read that was
// a hit, and then the first reads after each time that it was stopped.
// Its feed is slow to go on after a stop, so that nothing but the lease keeps
// it from answering from memory.
func watchProcess(ctx context.Context, o order) (err error) {
	connector, err := sqlite.Dialect{}.Connector(SQLite.dsn(o.DSN))
	if err != nil {
		return fmt.Errorf("torture: %w", err)
	}
	db, err := livesql.OpenDB(ctx, "sqlite", driver.Wrap(connector, &slowFeed{}), livesql.Lease(o.Lease))
	if err != nil {
		return fmt.Errorf("torture: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Feed().WaitLive(ctx); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	warm, report := false, 0
	for last := now(); ctx.Err() == nil; {
		hits := db.CacheStats().Hits
		s := Sight{Start: now()}
		if err := db.QueryRowContext(ctx, watched).Scan(&s.Version); err != nil {
			if ctx.Err() != nil {
				break
			}
			return fmt.Errorf("torture: watching: %w", err)
		}
		s.End = now()
		s.Hit = db.CacheStats().Hits > hits
		switch {
		case s.Hit && !warm:
			warm, report = true, 1
		case s.End-last > int64(sleepGap):
			// It may have been stopped in the middle of this read.
			report = reportAfter
		}
		last = s.End
		if report > 0 {
			report--
			if err := out.Encode(s); err != nil {
				return fmt.Errorf("torture: %w", err)
			}
		}
	}
	return nil
}

// pokeProcess commits one transaction and ends.
func pokeProcess(ctx context.Context, o order) error {
	db, err := sql.Open("sqlite", SQLite.dsn(o.DSN))
	if err != nil {
		return fmt.Errorf("torture: %w", err)
	}
	s := Sight{Start: now()}
	if err := db.QueryRowContext(ctx, "UPDATE seq SET n = n + 1 RETURNING n").Scan(&s.Version); err != nil {
		return fmt.Errorf("torture: %w", err)
	}
	s.End = now()
	return errors.Join(json.NewEncoder(os.Stdout).Encode(s), db.Close())
}
