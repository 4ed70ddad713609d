package testdb

import (
	"context"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// backend is the database that livesql believes in: a catalogue with the
// tables of the test, and a change log that the test writes.
type backend struct {
	feed    *Feed
	flavor  dialects.Flavor
	catalog *dialects.Catalog
}

var _ listen.Backend = (*backend)(nil)

func newBackend(feed *Feed, flavor dialects.Flavor, tables []dialects.Table) *backend {
	objects := make([]dialects.Object, len(tables))
	for i, t := range tables {
		objects[i] = dialects.Object{Table: t, Covered: true}
	}
	return &backend{feed: feed, flavor: flavor, catalog: dialects.NewCatalog(1, flavor, objects)}
}

// Analyze goes by the words of the text: nobody could be asked.
func (b *backend) Analyze(_ context.Context, text string) (*dialects.Analysis, error) {
	return dialects.Words(b.flavor, b.catalog, text), nil
}

// Unasked reports true: a mock expects every statement that it is sent, so that
// live tables take the tagged key for that of the table.
func (b *backend) Unasked() bool { return true }

func (b *backend) Version() uint64 { return b.catalog.Version() }

// Identity is always the same: a test has one database.
func (b *backend) Identity() uint64 { return 1 }

func (b *backend) Close() error { return nil }

// Connect returns a reader of the script, once the script lets it.
func (b *backend) Connect(ctx context.Context) (listen.Reader, error) {
	if err := b.feed.connect(ctx); err != nil {
		return nil, err
	}
	return reader{b.feed}, nil
}

// reader reads the script.
type reader struct {
	feed *Feed
}

func (r reader) Poll(ctx context.Context, since listen.Cursor) (listen.Delta, error) {
	return r.feed.poll(ctx, since)
}

func (r reader) Close() error { return nil }

// watch hears the feed's states after the cache has heard them: it is
// subscribed later.
type watch struct {
	feed *Feed
}

var _ listen.Consumer = watch{}

func (w watch) Apply(listen.Batch) {}

func (w watch) Changed(s listen.State) { w.feed.hear(s) }
