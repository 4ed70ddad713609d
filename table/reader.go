package table

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/vantage-go/live/internal/wait"
)

// reader reads the rows of a source that have changed. It is what live tables
// and sieves have in common.
type reader[K comparable, T any] struct {
	open func(ctx context.Context) (Reading[K, T], error)
	// together, if not nil, reads the rows of a round with other readers. The error
	// is errAlone if this one has to read for itself.
	together func(round[K]) (map[K]*T, error)
	changes  Changes[K]
	inbox    *inbox[K]
	name     string // of what is read, for messages
	log      *slog.Logger
	mute     time.Time // until then readings are not asked what has changed; belongs to run
	// tooMany reports whether there are better ways to find out about so many
	// rows than to read them one by one.
	tooMany func(rows int) bool

	ctx     context.Context //nolint:containedctx // the reader's own life, which its owner ends
	cancel  context.CancelFunc
	running sync.WaitGroup
	over    chan struct{} // closed when nothing is read any more
}

// begin makes a reader ready, which others may hold already.
func (c *reader[K, T]) begin(changes Changes[K], name string, log *slog.Logger) {
	c.changes, c.name, c.log, c.inbox = changes, name, log, newInbox[K]()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.over = make(chan struct{})
}

// errSuperseded ends the reading of single rows when any row may have changed.
var errSuperseded = errors.New("table: any row may have changed meanwhile")

// patience bounds how long a reading waits for the feed.
const patience = 2 * time.Second

// The pause after a failure.
const (
	minBackoff = 20 * time.Millisecond
	maxBackoff = 5 * time.Second
)

// listen takes the news.
func (c *reader[K, T]) listen() {
	for {
		news, err := c.changes.Next(c.ctx)
		if err != nil {
			c.inbox.end(err)
			return
		}
		c.inbox.tell(news)
	}
}

// run does what the news ask for, and tells why it cannot.
func (c *reader[K, T]) run(work func(round[K]) error, fail func(error)) {
	defer close(c.over)
	backoff := minBackoff
	for {
		r, err := c.inbox.take(c.ctx)
		if err != nil {
			fail(err)
			return
		}
		err = work(r)
		switch {
		case c.ctx.Err() != nil:
			return
		case errors.Is(err, errSuperseded):
			c.inbox.putBack(r)
		case err != nil:
			c.inbox.putBack(r)
			fail(err)
			c.log.Warn("livesql: changed rows cannot be read; what is shown stays as it is", "table", c.name, "error", err, "retry", backoff)
			_ = wait.For(c.ctx, backoff) // its end shows in the next round
			backoff = min(2*backoff, maxBackoff)
		default:
			backoff = minBackoff
		}
	}
}
