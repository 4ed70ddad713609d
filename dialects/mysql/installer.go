package mysql

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/vantage-go/live/listen"
)

// How the feed installs triggers by itself: it waits for the lock on a table no
// longer than a second, in which writers wait behind it, goes on with the next
// table, comes back after a pause that grows, and takes no longer than
// autoLimit in all.
const (
	autoLockTimeout = time.Second
	autoPatience    = time.Second
	autoLimit       = 2 * time.Minute
	autoMinPause    = time.Second
	autoMaxPause    = time.Minute
)

// installer creates capture triggers that are missing, over a connection of
// its own: no poll waits for the lock on a table.
type installer struct {
	db      *database
	woken   chan struct{}
	recheck *atomic.Bool
}

func newInstaller(d *database, recheck *atomic.Bool) *installer {
	return &installer{db: d, woken: make(chan struct{}, 1), recheck: recheck}
}

// wake tells that triggers are missing.
func (i *installer) wake() {
	select {
	case i.woken <- struct{}{}:
	default:
	}
}

// run installs until ctx ends. That it fails leaves tables uncovered, and is no
// failure of the feed.
func (i *installer) run(ctx context.Context) {
	pause, last := autoMinPause, ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-i.woken:
		}
		bounded, cancel := context.WithTimeout(ctx, autoLimit)
		tables, err := install(bounded, i.db.own, listen.InstallOptions{LockTimeout: autoLockTimeout, Patience: autoPatience})
		cancel()
		if len(tables) > 0 {
			i.db.log.Info("livesql: capture triggers installed", "tables", tables)
			i.recheck.Store(true)
		}
		if err == nil {
			pause, last = autoMinPause, ""
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if err.Error() != last {
			last = err.Error()
			i.db.log.Warn("livesql: capture triggers could not be installed; tables without them are not cached", "error", err)
		}
		if !wait(ctx, pause) {
			return
		}
		pause = min(2*pause, autoMaxPause)
	}
}
