package conform

import (
	"log/slog"
	"testing"

	"github.com/vantage-go/live/listen"
)

// SourceOf returns the source of a dialect for dsn, as another process would
// have it. It installs nothing, and is closed with tb.
func SourceOf(tb testing.TB, d listen.Backer, dsn string) listen.Source {
	tb.Helper()
	connector, err := d.Connector(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	backend, err := d.Backend(listen.BackendConfig{
		Connector: connector, DSN: dsn, Install: listen.InstallNever, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := backend.Close(); err != nil {
			tb.Error(err)
		}
	})
	return backend
}

// Proxy stands between sources and their server: server.Proxy is one.
type Proxy interface {
	Blackhole()
	Heal() error
}

// FreezeBy is [Database.Freeze] for sources behind a proxy.
func FreezeBy(tb testing.TB, p Proxy) func() (thaw func()) {
	tb.Helper()
	return func() func() {
		p.Blackhole()
		return func() {
			if err := p.Heal(); err != nil {
				tb.Error(err)
			}
		}
	}
}
