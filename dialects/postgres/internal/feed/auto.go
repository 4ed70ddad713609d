package feed

import (
	"context"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// How the feed installs triggers: it waits for each lock no longer than
// lockWait, since the table's writers wait behind it, and tries again until
// lockPatience is over. The poll that begins it waits for installShare, so that
// on most days one poll after a CREATE TABLE is enough; then it goes on beside
// the polls, since a server may be slow or far away. What is not done when
// installLimit is over is begun again after a pause, which doubles while nothing
// gets done.
const (
	lockWait        = 100 * time.Millisecond
	lockPatience    = 2 * time.Second
	installShare    = 800 * time.Millisecond
	installLimit    = 2 * time.Minute
	installPause    = time.Second
	installMaxPause = time.Minute
)

// autoInstall is an installation that is under way.
type autoInstall struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when the rest is set
	tables []dialects.Table
	err    error
}

// installDue reports whether triggers are missing that the backend may
// install, or is installing.
func (r *reader) installDue() bool {
	d := r.db
	return r.installing != nil || d.auto && (r.found != present || d.missing) && time.Now().After(d.nextInstall)
}

// install attaches triggers, over a connection of its own, and reports whether
// there is something new. That it fails, because tables are busy or the role
// may not, leaves them uncovered and is no failure of the feed. It waits for it
// no longer than share, or until ctx has ended, and the first time only.
func (r *reader) install(ctx context.Context, share time.Duration) bool {
	if r.installing == nil {
		r.installing = r.beginInstall()
		r.installing.wait(ctx, share)
	}
	i := r.installing
	select {
	case <-i.done:
	default:
		return false
	}
	r.installing = nil
	i.cancel()
	d := r.db
	if len(i.tables) > 0 || i.err == nil {
		d.installPause = installPause
	} else {
		d.installPause = min(2*d.installPause, installMaxPause)
	}
	d.nextInstall = time.Now().Add(d.installPause)
	if i.err != nil {
		d.log.Warn("livesql: capture triggers could not be installed; tables without them are not cached", "error", i.err, "retry", d.installPause)
	}
	if len(i.tables) > 0 {
		d.log.Info("livesql: capture triggers installed", "tables", i.tables)
	}
	r.checked = time.Time{} // the next poll is to look
	return len(i.tables) > 0 || i.err == nil && r.found != present
}

// beginInstall begins an installation, which lasts no longer than the reader.
func (r *reader) beginInstall() *autoInstall {
	ctx, cancel := context.WithTimeout(context.Background(), installLimit)
	i := &autoInstall{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(i.done)
		pool := r.wires.open()
		i.tables, i.err = install(ctx, pool, listen.InstallOptions{Later: true, LockTimeout: lockWait, Patience: lockPatience}, !r.db.always)
		_ = pool.Close() // there is nobody to complain to
	}()
	return i
}

// wait waits for its end.
func (i *autoInstall) wait(ctx context.Context, share time.Duration) {
	timer := time.NewTimer(share)
	defer timer.Stop()
	select {
	case <-i.done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// share is how long a poll waits that has to read afterwards.
func share(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(installShare, time.Until(deadline)/2)
	}
	return installShare
}

// endInstall ends an installation that is under way, once nobody polls.
func (r *reader) endInstall() {
	if i := r.installing; i != nil {
		i.cancel()
		<-i.done
	}
}
