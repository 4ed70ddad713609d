// Command coherence reads one row through livesql, all the time, while two
// programs that know nothing of livesql write it: each value is the moment at
// which it was written. For three seconds it judges every read. It fails if
// one was further behind than the lease, if a read did not see a write of its
// own handle, or if reads did not come from memory.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	_ "github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/livesql"
)

const (
	lease    = time.Second
	duration = 3 * time.Second
	// pause is what the writers rest between two writes.
	pause = 20 * time.Millisecond
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	err := run(ctx)
	cancel()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "livesql-example-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	dsn := filepath.Join(dir, "clock.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(5000)"
	db, err := livesql.Open(ctx, "sqlite", dsn, livesql.Lease(lease))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := prepare(ctx, db); err != nil {
		return err
	}

	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	var clock clock
	failed := make(chan error, 4)
	for id := 1; id <= 2; id++ {
		go func() { failed <- clock.write(ctx, dsn, id) }()
	}
	var own int
	go func() {
		var err error
		own, err = ownWrites(ctx, db)
		failed <- err
	}()
	lags, err := clock.read(ctx, db)
	for range 3 {
		err = errors.Join(err, <-failed)
	}
	if err != nil {
		return err
	}
	return judge(db, lags, own)
}

// prepare makes the table and waits until reads of it come from memory.
func prepare(ctx context.Context, db *livesql.DB) error {
	for _, statement := range []string{
		"CREATE TABLE clock(id INTEGER PRIMARY KEY, tick INTEGER NOT NULL)",
		"INSERT INTO clock(id, tick) VALUES (1, 0), (2, 0), (3, 0)",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	for {
		e, err := db.Explain(ctx, "SELECT tick FROM clock")
		if err != nil || e.Cached {
			return err
		}
		if err := db.Feed().Sync(ctx); err != nil {
			return err
		}
	}
}

// clock notes when the ticks of the rows 1 and 2 were acknowledged.
type clock struct {
	rows [3]row
}

type row struct {
	ticksMu sync.Mutex // guards ticks
	ticks   []tick
}

// tick is a value of a row, and when its writer knew that it was committed.
type tick struct {
	value        int64
	acknowledged time.Time
}

func (r *row) note(t tick) {
	r.ticksMu.Lock()
	defer r.ticksMu.Unlock()
	r.ticks = append(r.ticks, t)
}

// behind tells how far a read that began then and saw value was behind: for
// how long the first tick that it did not see had been acknowledged.
func (r *row) behind(value int64, began time.Time) (lag time.Duration) {
	r.ticksMu.Lock()
	defer r.ticksMu.Unlock()
	for _, t := range slices.Backward(r.ticks) {
		if t.value <= value {
			break
		}
		lag = max(began.Sub(t.acknowledged), 0)
	}
	return lag
}

// write is another program: it opens the file with the plain driver and counts
// its row up.
func (c *clock) write(ctx context.Context, dsn string, id int) (err error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for ticker := time.NewTicker(pause); ; {
		select {
		case <-ctx.Done():
			ticker.Stop()
			return nil
		case <-ticker.C:
		}
		value := time.Now().UnixNano()
		if _, err := db.ExecContext(ctx, "UPDATE clock SET tick = ? WHERE id = ?", value, id); err != nil {
			if ctx.Err() != nil {
				return nil // it may have been committed; nobody judges any more
			}
			return err
		}
		c.rows[id].note(tick{value, time.Now()})
	}
}

// read reads both rows until ctx ends, and returns how far each read was
// behind.
func (c *clock) read(ctx context.Context, db *livesql.DB) (lags []time.Duration, err error) {
	for {
		for id := 1; id <= 2; id++ {
			began := time.Now()
			var value int64
			err := db.QueryRowContext(ctx, "SELECT tick FROM clock WHERE id = ?", id).Scan(&value)
			if ctx.Err() != nil {
				return lags, nil //nolint:nilerr // it is the end, and err its echo
			}
			if err != nil {
				return nil, err
			}
			lags = append(lags, c.rows[id].behind(value, began))
		}
	}
}

// ownWrites counts row 3 up through the handle and reads it each time.
func ownWrites(ctx context.Context, db *livesql.DB) (n int, err error) {
	for {
		_, err := db.ExecContext(ctx, "UPDATE clock SET tick = ? WHERE id = 3", n+1)
		var got int
		if err == nil {
			err = db.QueryRowContext(ctx, "SELECT tick FROM clock WHERE id = 3").Scan(&got)
		}
		if ctx.Err() != nil {
			return n, nil //nolint:nilerr // it is the end, and err its echo
		}
		switch {
		case err != nil:
			return n, err
		case got != n+1:
			return n, fmt.Errorf("read %d after writing %d", got, n+1)
		}
		n++
	}
}

// judge prints what was measured, and fails if it is not what is promised.
func judge(db *livesql.DB, lags []time.Duration, own int) error {
	stats := db.CacheStats()
	slices.Sort(lags)
	at := func(share float64) time.Duration {
		return lags[int(share*float64(len(lags)-1))].Round(10 * time.Microsecond)
	}
	fmt.Printf("reads judged          %d, %.2f%% from memory\n", len(lags), 100*float64(stats.Hits)/float64(stats.Hits+stats.Misses))
	fmt.Printf("behind the database   p50 %v, p99 %v, at most %v; the lease is %v\n", at(0.5), at(0.99), at(1), lease)
	fmt.Printf("own writes read back  %d\n", own)
	switch {
	case at(1) >= lease:
		return fmt.Errorf("a read was %v behind, the lease is %v", at(1), lease)
	case stats.Hits < stats.Misses:
		return errors.New("most reads did not come from memory")
	case own == 0:
		return errors.New("no own write was judged")
	}
	return nil
}
