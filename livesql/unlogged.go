package livesql

import (
	"context"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// unlogged is the backend of a database without a change log: nothing is
// cached, and Explain says why.
type unlogged struct {
	flavor dialects.Flavor
	why    string
}

var _ listen.Backend = unlogged{}

func (u unlogged) Analyze(_ context.Context, text string) (*dialects.Analysis, error) {
	// Nothing is ever cached, so nothing that the text writes matters.
	return &dialects.Analysis{Scan: dialects.ScanText(u.flavor, text), Uncacheable: u.why, Version: u.Version()}, nil
}

func (u unlogged) Version() uint64 { return 1 }

func (u unlogged) Identity() uint64 { return 0 }

func (u unlogged) Connect(context.Context) (listen.Reader, error) {
	return nil, &listen.NoLogError{Why: u.why}
}

func (u unlogged) Close() error { return nil }
