package feed

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vantage-go/live/dialects/postgres/internal/inner"
	"github.com/vantage-go/live/internal/dial"
	"github.com/vantage-go/live/listen"
)

// channel is that of the notifications. One with an empty payload is a ring;
// one that begins with probePrefix is a reader's test of its own bell, and
// means nothing to others.
const (
	channel     = "livesql"
	probePrefix = "probe:"
)

// times are those of a bell.
type times struct {
	// dial bounds an attempt to listen, and answer the way of a probe.
	dial, answer time.Duration
	// probe is the time between two probes of a bell in which nothing seems
	// wrong, doubt that of one in which something does.
	probe, doubt time.Duration
	// again and most bound the pause before the next attempt, which doubles;
	// deaf is the pause once notifications did not arrive twice.
	again, most, deaf time.Duration
	// sleep is the longest pause between polls while the bell is relied on.
	sleep time.Duration
}

func standardTimes() times {
	return times{
		dial: 5 * time.Second, answer: time.Second,
		probe: 30 * time.Second, doubt: 5 * time.Second,
		again: 100 * time.Millisecond, most: 30 * time.Second, deaf: time.Minute,
		sleep: 500 * time.Millisecond,
	}
}

// bell listens, on a connection and a goroutine of its own. It only ever says
// "look now": nothing depends on it but how soon a poll comes. The goroutine
// never touches the connection of the polls, nor the polls that of the bell, so
// a bell that is broken delays nothing.
//
// That LISTEN succeeds proves nothing: behind a pooler that gives each
// transaction another server, notifications go to nobody. So the bell counts
// as one that works only while it hears what the connection of the polls sends
// to it: a probe after LISTEN, every so often, and when polls find rows that
// nobody rang for.
type bell struct {
	driver    inner.Driver
	connector sqldriver.Connector
	times     times

	rings  chan struct{}  // to the feed; has room for one
	sent   chan time.Time // the probe was sent
	doubts chan struct{}  // rows came without a ring

	running sync.WaitGroup

	mu     sync.Mutex         // guards the rest
	cancel context.CancelFunc // nil while nobody listens
	ended  bool
	rung   bool   // since the last poll
	want   string // the probe to send, empty for none
	proven bool
	why    string // what is wrong, when not proven
	self   uint32 // server process that sends announcements of this reader
}

func newBell(driver inner.Driver, connector sqldriver.Connector, t times) *bell {
	return &bell{
		driver: driver, connector: connector, times: t,
		rings: make(chan struct{}, 1), sent: make(chan time.Time, 1), doubts: make(chan struct{}, 1),
		why: starting,
	}
}

// Why a bell may not work.
const (
	starting = "not heard yet"
	silent   = "notifications do not arrive (a pooler in transaction mode?)"
)

// serve listens, or does so no longer.
func (b *bell) serve(wanted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.ended:
	case wanted && b.cancel == nil:
		ctx, cancel := context.WithCancel(context.Background())
		b.cancel = cancel
		b.running.Go(func() { b.run(ctx) })
	case !wanted && b.cancel != nil:
		// It ends by itself: a poll waits for nothing of the bell. The next
		// mode may come while it does; then two listen for a moment.
		b.cancel()
		b.cancel = nil
		b.proven, b.want, b.why = false, "", starting
	}
}

// stop ends the bell and waits until it has ended.
func (b *bell) stop() {
	b.mu.Lock()
	b.ended = true
	if b.cancel != nil {
		b.cancel()
	}
	b.mu.Unlock()
	b.running.Wait()
}

// run listens until ctx ends.
func (b *bell) run(ctx context.Context) {
	pause, unheard := b.times.again, 0
	for {
		proven, err := b.listen(ctx)
		if proven {
			pause, unheard = b.times.again, 0
		}
		if ctx.Err() != nil {
			return
		}
		wait := pause
		pause = min(2*pause, b.times.most)
		why := err.Error()
		if errors.Is(err, errSilent) {
			why = silent
			if unheard++; unheard >= 2 {
				wait = b.times.deaf
			}
		}
		b.fail(ctx, why)
		if errors.Is(err, inner.ErrDeaf) {
			return
		}
		timer := time.NewTimer(wait - rand.N(wait/5+1))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// errSilent ends a connection that does not hear the probe.
var errSilent = errors.New("postgres: the bell does not hear its probe")

// listen listens on one connection until it is lost, and reports whether it
// ever heard a probe.
func (b *bell) listen(ctx context.Context) (proven bool, err error) {
	dialing, cancel := context.WithTimeout(ctx, b.times.dial)
	defer cancel()
	var ear inner.Ear
	err = dial.Safely(func() (err error) {
		ear, err = b.driver.Listen(dialing, b.connector, channel)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("listening: %w", err)
	}
	defer ear.Close()
	var (
		nonce    string
		probing  bool // the probe is wanted, and perhaps under way
		due      = time.NewTimer(0)
		deadline = time.NewTimer(time.Hour)
	)
	defer due.Stop()
	defer deadline.Stop()
	deadline.Stop()
	doubtable := time.Now().Add(b.times.doubt)
	for {
		select {
		case ring, ok := <-ear.Rings():
			switch {
			case !ok:
				return proven, fmt.Errorf("the connection was lost: %w", ear.Err())
			case ring.Payload == nonce && probing:
				proven, probing = true, false
				deadline.Stop()
				due.Reset(b.times.probe - rand.N(b.times.probe/5+1))
				doubtable = time.Now().Add(b.times.doubt)
				b.prove(ctx)
			case !strings.HasPrefix(ring.Payload, probePrefix):
				b.hear(ring.PID)
			}
		case <-due.C:
			if !probing {
				nonce, probing = probePrefix+strconv.FormatUint(rand.Uint64(), 36), true
				select {
				case <-b.sent: // what was sent for another connection
				default:
				}
				b.ask(ctx, nonce)
				if !proven {
					// What was committed before LISTEN took effect is found by
					// a poll, which sends the probe as well.
					b.ring()
				}
			}
		case at := <-b.sent:
			if probing {
				deadline.Reset(b.times.answer - time.Since(at))
			}
		case <-deadline.C:
			if probing {
				return proven, errSilent
			}
		case <-b.doubts:
			if !probing && time.Now().After(doubtable) {
				due.Reset(0)
			}
		case <-ctx.Done():
			return proven, ctx.Err()
		}
	}
}

// ask wants the probe sent.
func (b *bell) ask(ctx context.Context, nonce string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx.Err() == nil {
		b.want = nonce
	}
}

func (b *bell) prove(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx.Err() == nil && !b.proven {
		b.proven, b.why = true, ""
		b.ring() // the next poll lets writers ring
	}
}

func (b *bell) fail(ctx context.Context, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx.Err() == nil {
		b.proven, b.why, b.want = false, why, ""
	}
}

// hear passes a ring on, unless it is this reader's own.
func (b *bell) hear(pid uint32) {
	b.mu.Lock()
	own := pid == b.self
	b.rung = b.rung || !own
	b.mu.Unlock()
	if !own {
		b.ring()
	}
}

func (b *bell) ring() {
	select {
	case b.rings <- struct{}{}:
	default: // the one that waits stands for this one
	}
}

// works reports whether the bell was proven to work.
func (b *bell) works() bool { return b.fault() == "" }

// fault says why the bell does not work, or nothing.
func (b *bell) fault() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.why
}

// takeProbe returns the probe to send, if one is wanted.
func (b *bell) takeProbe() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	probe := b.want
	b.want = ""
	return probe
}

// takeRung reports whether it has rung since it was last asked.
func (b *bell) takeRung() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	rung := b.rung
	b.rung = false
	return rung
}

// Bell returns the channel of rings.
func (r *reader) Bell() <-chan struct{} { return r.bell.rings }

// sendProbe sends a probe if the bell wants one, from the connection of the
// polls: that is the way that the notifications of writers take.
func (r *reader) sendProbe(ctx context.Context) error {
	probe := r.bell.takeProbe()
	if probe == "" {
		return nil
	}
	if err := r.notify(ctx, probe); err != nil {
		if sqlState(err) == "" {
			return err
		}
		// The server will not: the queue is full, say. Then nobody rings.
		r.db.log.Debug("livesql: the bell could not be tested", "error", err)
	}
	select {
	case r.bell.sent <- time.Now():
	default:
	}
	return nil
}

// Announce rings for what this process has committed, if the installation
// leaves that to the processes.
func (r *reader) Announce(ctx context.Context) error {
	if r.found != present || r.mode != listen.BellApp {
		return nil
	}
	ctx, done, err := r.turn.Take(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := r.notify(ctx, ""); sqlState(err) == "" {
		return err
	} else if !r.mute {
		// The server will not ring. The others find the changes by polling.
		r.mute = true
		r.db.log.Warn("livesql: the bell could not be rung", "error", err)
	}
	return nil
}

// notify sends a notification, in a transaction of its own.
func (r *reader) notify(ctx context.Context, payload string) error {
	var pid uint32
	err := r.own().QueryRowContext(ctx, "SELECT pg_backend_pid() FROM (SELECT pg_notify('"+channel+"', '"+payload+"')) AS sent").Scan(&pid)
	if err != nil {
		return fmt.Errorf("postgres: ringing the bell: %w", err)
	}
	r.bell.mu.Lock()
	defer r.bell.mu.Unlock()
	r.bell.self = pid
	return nil
}

// noteRows notes whether a poll found rows that nobody rang for, though somebody
// should have. Two polls in a row that do can be chance, or a bell that has gone
// silent.
func (r *reader) noteRows(rows int, unrung bool) {
	switch rung := r.bell.takeRung(); {
	case rung || rows == 0:
		r.unrung = 0
	case unrung:
		r.unrung++
	}
	if r.unrung >= 2 {
		r.unrung = 0
		select {
		case r.bell.doubts <- struct{}{}:
		default:
		}
	}
}
