package feed

import (
	"context"
	"time"

	"github.com/vantage-go/live/listen"
)

// How the feed installs triggers: it waits for each lock no longer than
// installWait, since the table's writers wait behind it, and for all of them
// together no longer than installLimit, since the poll waits. What it has not
// done then, it goes on with after a pause, which doubles while nothing gets
// done.
const (
	installWait     = 100 * time.Millisecond
	installLimit    = 400 * time.Millisecond
	installPause    = time.Second
	installMaxPause = time.Minute
)

// installDue reports whether triggers are missing that the backend may
// install.
func (r *reader) installDue() bool {
	d := r.db
	return d.auto && (r.found != present || d.missing) && time.Now().After(d.nextInstall)
}

// install attaches triggers, over a connection of its own, and reports whether
// there is something new. That it fails, because tables are busy or the role
// may not, leaves them uncovered and is no failure of the feed.
func (r *reader) install(ctx context.Context) bool {
	d := r.db
	pool := r.wires.open()
	defer func() { _ = pool.Close() }()
	ctx, cancel := context.WithTimeout(ctx, 2*installLimit)
	defer cancel()
	tables, err := Install(ctx, pool, listen.InstallOptions{Later: true, LockTimeout: installWait, Patience: installLimit})
	if len(tables) > 0 || err == nil {
		d.installPause = installPause
	} else {
		d.installPause = min(2*d.installPause, installMaxPause)
	}
	d.nextInstall = time.Now().Add(d.installPause)
	if err != nil {
		d.log.Warn("livesql: capture triggers could not be installed; tables without them are not cached", "error", err, "retry", d.installPause)
	}
	if len(tables) > 0 {
		d.log.Info("livesql: capture triggers installed", "tables", tables)
	}
	r.checked = time.Time{} // the next poll is to look
	return len(tables) > 0 || err == nil && r.found != present
}
