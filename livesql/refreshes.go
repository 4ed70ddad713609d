package livesql

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/internal/dial"
)

const (
	// maxRefreshes is how many results are read anew at the same time. Beyond that,
	// readers ask the database themselves.
	maxRefreshes = 4
	// refreshTimeout bounds one of them.
	refreshTimeout = 30 * time.Second
)

// refreshes reads results of a handle anew that others have made out of date, on
// connections of its own: a program whose pool is exhausted must not wait for
// what it did not ask for. Its goroutines end with their reads, and all with
// close.
type refreshes struct {
	log *slog.Logger

	// stateMu guards what follows. It is not held while something is read.
	stateMu sync.Mutex
	closed  bool
	pool    *sql.DB
	cancel  context.CancelFunc
	ctx     context.Context //nolint:containedctx // the life of its goroutines, which close ends
	running int
	reads   sync.WaitGroup
}

// begin makes a read in the background, through the cache that asked for it.
func (r *refreshes) begin(h *handle, read cache.Refresh) bool {
	r.stateMu.Lock()
	defer r.stateMu.Unlock()
	if r.closed || r.running == maxRefreshes {
		return false
	}
	if r.pool == nil {
		r.pool = sql.OpenDB(unclosed{h.wrapped})
		r.pool.SetMaxOpenConns(maxRefreshes)
		r.pool.SetMaxIdleConns(maxRefreshes)
		r.pool.SetConnMaxIdleTime(time.Minute)
		r.ctx, r.cancel = context.WithCancel(context.Background())
	}
	r.running++
	r.reads.Go(func() {
		defer func() {
			r.stateMu.Lock()
			r.running--
			r.stateMu.Unlock()
			read.Done()
		}()
		if err := r.read(read); err != nil {
			r.log.Debug("livesql: a result could not be read anew", "error", err)
		}
	})
	return true
}

// read makes one read. That its result is stored is the cache's business.
func (r *refreshes) read(read cache.Refresh) error {
	ctx, cancel := context.WithTimeout(cache.Refreshing(r.ctx), refreshTimeout)
	defer cancel()
	args := make([]any, len(read.Args))
	for i, a := range read.Args {
		if args[i] = a.Value; a.Name != "" {
			args[i] = sql.Named(a.Name, a.Value)
		}
	}
	// The program's driver runs here, on a goroutine of livesql.
	return dial.Safely(func() error {
		query := r.pool.QueryContext
		if read.Prepared {
			stmt, err := r.pool.PrepareContext(ctx, read.Text)
			if err != nil {
				return fmt.Errorf("livesql: preparing a refresh: %w", err)
			}
			defer func() { _ = stmt.Close() }()
			query = func(ctx context.Context, _ string, args ...any) (*sql.Rows, error) {
				return stmt.QueryContext(ctx, args...)
			}
		}
		rows, err := query(ctx, read.Text, args...)
		if err != nil {
			return fmt.Errorf("livesql: a refresh: %w", err)
		}
		defer func() { _ = rows.Close() }()
		rows.Next() // it was read and stored as a whole already, or is not kept
		return rows.Err()
	})
}

// close ends all reads and closes the connections.
func (r *refreshes) close() error {
	r.stateMu.Lock()
	r.closed = true
	pool := r.pool
	if r.cancel != nil {
		r.cancel()
	}
	r.stateMu.Unlock()
	r.reads.Wait()
	if pool == nil {
		return nil
	}
	return pool.Close()
}
