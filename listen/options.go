package listen

import (
	"log/slog"
	"time"
)

// The defaults of a feed.
const (
	DefaultLease       = 2 * time.Second
	DefaultMinInterval = 10 * time.Millisecond
	DefaultMaxInterval = 100 * time.Millisecond
	DefaultDeadline    = time.Second
	DefaultMinBackoff  = 50 * time.Millisecond
	DefaultMaxBackoff  = 5 * time.Second
)

// Option configures a [Feed]. The order of options does not matter, and a
// duration that is not positive stands for its default.
type Option func(*config)

type config struct {
	lease                    time.Duration
	minInterval, maxInterval time.Duration // zero: as the source wants it
	deadline                 time.Duration
	minBackoff, maxBackoff   time.Duration
	log                      *slog.Logger
}

func defaults() config {
	return config{
		lease:      DefaultLease,
		deadline:   DefaultDeadline,
		minBackoff: DefaultMinBackoff,
		maxBackoff: DefaultMaxBackoff,
		log:        slog.New(slog.DiscardHandler),
	}
}

// normalize makes the durations fit each other.
func (c *config) normalize() {
	standard := defaults()
	for _, d := range []struct{ value, standard *time.Duration }{
		{&c.lease, &standard.lease},
		{&c.deadline, &standard.deadline},
		{&c.minBackoff, &standard.minBackoff},
		{&c.maxBackoff, &standard.maxBackoff},
	} {
		if *d.value <= 0 {
			*d.value = *d.standard
		}
	}
	c.minBackoff = min(c.minBackoff, c.maxBackoff)
	if c.log == nil {
		c.log = standard.log
	}
}

// WithLease sets how long an applied poll counts. The interval between polls
// is at most half of it, so that one late poll does not end the lease.
func WithLease(d time.Duration) Option {
	return func(c *config) { c.lease = d }
}

// WithInterval sets the time between polls, in place of the source's own: lo
// while changes arrive, growing to hi when none do.
func WithInterval(lo, hi time.Duration) Option {
	return func(c *config) { c.minInterval, c.maxInterval = lo, hi }
}

// WithDeadline bounds one poll and one attempt to connect.
func WithDeadline(d time.Duration) Option {
	return func(c *config) { c.deadline = d }
}

// WithBackoff sets the pause after a failure: lo at first, doubling to hi.
func WithBackoff(lo, hi time.Duration) Option {
	return func(c *config) { c.minBackoff, c.maxBackoff = lo, hi }
}

// WithLogger sets where losses and resets are told. Nothing is logged without
// it. Neither values nor data source names are ever logged.
func WithLogger(log *slog.Logger) Option {
	return func(c *config) { c.log = log }
}
