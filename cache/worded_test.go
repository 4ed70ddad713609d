package cache

import (
	"context"

	"github.com/vantage-go/live/dialects"
)

// worded is a database of a flavor with the table t, which goes by the words of
// texts.
type worded struct {
	flavor  dialects.Flavor
	catalog *dialects.Catalog
}

func newWorded(f dialects.Flavor) worded {
	return worded{f, dialects.NewCatalog(1, f, []dialects.Object{{Table: dialects.Table{Name: "t"}, Covered: true}})}
}

func (worded) Identity() uint64 { return 0 }
func (worded) Version() uint64  { return 1 }

func (w worded) Analyze(_ context.Context, text string) (*dialects.Analysis, error) {
	return dialects.Words(w.flavor, w.catalog, text), nil
}
