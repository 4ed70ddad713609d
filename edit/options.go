package edit

import (
	"log/slog"
	"math/rand/v2"
	"time"
)

// Option configures a [Writer].
type Option func(*options)

type options struct {
	batchRows  int
	batchBytes int
	queueOps   int
	queueBytes int
	linger     time.Duration
	tries      int
	firstPause time.Duration
	lastPause  time.Duration
	patience   time.Duration
	timeout    time.Duration
	chance     func(n int64) int64
	observe    func(Event)
	outbox     Outbox
	log        *slog.Logger
}

func defaults() options {
	return options{
		batchRows: 1000, batchBytes: 1 << 20,
		queueOps: 100_000, queueBytes: 64 << 20,
		tries: 8, firstPause: 20 * time.Millisecond, lastPause: 5 * time.Second,
		patience: 2 * time.Minute, timeout: 30 * time.Second,
		chance: rand.Int64N,
		log:    slog.New(slog.DiscardHandler),
	}
}

// BatchLimit bounds how many rows and how many bytes of values are sent
// together. The default is 1000 rows and 1 MiB.
func BatchLimit(rows, bytes int) Option {
	return func(o *options) { o.batchRows, o.batchBytes = max(rows, 1), max(bytes, 1) }
}

// QueueLimit bounds how many operations wait, and how many bytes. The default
// is 100,000 and 64 MiB.
func QueueLimit(ops, bytes int) Option {
	return func(o *options) { o.queueOps, o.queueBytes = max(ops, 1), max(bytes, 1) }
}

// Linger lets an idle writer wait for more saves before it sends the first.
// The default is 0: what comes while a batch is under way makes up the next.
func Linger(d time.Duration) Option { return func(o *options) { o.linger = d } }

// Retries sets how often an operation is tried that fails for a reason that
// may pass, and the bounds of the pauses between. Pauses double, and each is
// cut to a random part. The default is 8 tries, 20 ms to 5 s.
func Retries(tries int, first, last time.Duration) Option {
	return func(o *options) { o.tries, o.firstPause, o.lastPause = max(tries, 1), first, last }
}

// Patience bounds how long a save may wait for a database that is away, or for
// a row that is locked. The default is two minutes.
func Patience(d time.Duration) Option { return func(o *options) { o.patience = d } }

// BatchTimeout bounds one call of [Store.Apply], which may take up to an eighth
// longer. The default is 30 s.
func BatchTimeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// Chance replaces the source of random numbers: a function that returns a
// number from 0 up to below n.
func Chance(f func(n int64) int64) Option { return func(o *options) { o.chance = f } }

// Observe has f called for each event, on the writer's goroutine: it must
// return soon, and must not wait for a save.
func Observe(f func(Event)) Option { return func(o *options) { o.observe = f } }

// Log sets where the writer reports what no caller is told. Values never
// appear in it.
func Log(l *slog.Logger) Option { return func(o *options) { o.log = l } }
