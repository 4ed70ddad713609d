package feed

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/vantage-go/live/dialects/postgres/internal/libpq"

	"github.com/vantage-go/live/dialects/postgres/internal/inner"
	"github.com/vantage-go/live/listen"
)

// follower is a backend with a reader, polled by hand.
type follower struct {
	t       testing.TB
	backend *database
	reader  *reader
	cursor  listen.Cursor
}

// backendOf returns a backend that ends with the test.
func backendOf(tb testing.TB, driver inner.Driver, config listen.BackendConfig) *database {
	tb.Helper()
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	b, err := NewBackend(driver, config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := b.Close(); err != nil {
			tb.Error(err)
		}
	})
	return b.(*database)
}

// follow opens a backend of dsn and takes the first cursor.
func follow(tb testing.TB, dsn string) *follower {
	tb.Helper()
	return followWith(tb, listen.BackendConfig{Connector: connectorOf(tb, dsn), DSN: dsn})
}

func connectorOf(tb testing.TB, dsn string) sqldriver.Connector {
	tb.Helper()
	c, err := pq.NewConnector(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func followWith(tb testing.TB, config listen.BackendConfig) *follower {
	tb.Helper()
	f := &follower{t: tb, backend: backendOf(tb, libpq.Driver, config)}
	tb.Cleanup(f.close)
	f.connect()
	f.poll()
	return f
}

func (f *follower) close() {
	if f.reader != nil {
		if err := f.reader.Close(); err != nil {
			f.t.Error(err)
		}
		f.reader = nil
	}
}

// connect connects as the feed does after a failure: the cursor stays.
func (f *follower) connect() {
	f.t.Helper()
	f.close()
	r, err := f.backend.Connect(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	f.reader = r.(*reader)
}

// poll returns what happened since the last poll. It looks at the capture.
func (f *follower) poll() listen.Delta {
	f.t.Helper()
	f.reader.checked = time.Time{}
	return f.glance()
}

// glance is a poll that looks at the capture only if that is due.
func (f *follower) glance() listen.Delta {
	f.t.Helper()
	delta, err := f.reader.Poll(context.Background(), f.cursor)
	if err != nil {
		f.t.Fatal(err)
	}
	f.cursor = delta.Cursor
	return delta
}

// reported spells the changes of a delta, in order.
func reported(delta listen.Delta) []string {
	var all []string
	for _, c := range delta.Changes {
		text := string(c.Op) + " " + c.Table.Name
		if c.Key != nil {
			text += fmt.Sprintf(" %v", c.Key)
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

// expect compares a delta with what it should report.
func (f *follower) expect(delta listen.Delta, reset string, want ...string) {
	f.t.Helper()
	if delta.Reset != reset {
		f.t.Errorf("reset %q, want %q", delta.Reset, reset)
	}
	if got := reported(delta); !slices.Equal(got, want) {
		f.t.Errorf("reported %q, want %q", got, want)
	}
}

// ownConnector dials as the feed does: over sockets that can be cut.
func ownConnector(tb testing.TB, dsn string) sqldriver.Connector {
	tb.Helper()
	c, err := libpq.Driver.Connector(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
