package inject

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/vantage-go/live/driver"
)

// The environment of a suite.
const (
	// EnvMode names the mode.
	EnvMode = "LIVESQL_SUITE_MODE"
	// EnvProof is the directory into which each process that wraps a connector
	// writes one proof file.
	EnvProof = "LIVESQL_SUITE_PROOF"
)

// Wrap wraps one connector.
type Wrap func(sqldriver.Connector) sqldriver.Connector

// modes are the modes that wrap. Those with the cache on are registered by
// package cached.
var modes = map[string]Wrap{
	"eager":    func(c sqldriver.Connector) sqldriver.Connector { return driver.Wrap(c, nil, driver.Eager()) },
	"pass":     func(c sqldriver.Connector) sqldriver.Connector { return driver.Wrap(c, nil) },
	"observed": func(c sqldriver.Connector) sqldriver.Connector { return driver.Wrap(c, observer{}) },
}

// Register adds a mode. It is called from the init function of a package that
// the injected file imports beside this one.
func Register(mode string, w Wrap) { modes[mode] = w }

// FromEnv returns what the mode in the environment does with a connector; it
// is nil in mode "raw" and when no mode is set.
func FromEnv() (func(sqldriver.Connector) sqldriver.Connector, error) {
	mode := os.Getenv(EnvMode)
	if mode == "" || mode == "raw" {
		return nil, nil
	}
	wrap, ok := modes[mode]
	if !ok {
		return nil, fmt.Errorf("livesql: %s=%s: no such mode in this suite", EnvMode, mode)
	}
	if err := evidence.open(os.Getenv(EnvProof)); err != nil {
		return nil, fmt.Errorf("livesql: %s: %w", EnvProof, err)
	}
	return func(c sqldriver.Connector) sqldriver.Connector {
		if byLivesql() {
			return c
		}
		return counted{wrap(c)}
	}, nil
}

// Hatch returns what a suite gets from (*sql.Conn).Raw: the connection of its
// own driver.
func Hatch(v any) any {
	if byLivesql() {
		return v
	}
	return Unwrap(v)
}

// byLivesql reports whether database/sql was called by livesql itself, whose
// own pools are not to be wrapped, and not by the suite.
func byLivesql() bool {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	in := false
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, "database/sql.") {
			in = true
		} else if in {
			return strings.HasPrefix(frame.Function, "github.com/vantage-go/live/") ||
				strings.HasPrefix(frame.Function, "livesql.invalid/")
		}
		if !more {
			return false
		}
	}
}

// Unwrap returns what lies inside all wrappers of a value of the driver
// interfaces.
func Unwrap(v any) any {
	for {
		switch w := v.(type) {
		case interface{ Unwrap() sqldriver.Connector }:
			v = w.Unwrap()
		case interface{ Unwrap() sqldriver.Conn }:
			v = w.Unwrap()
		case interface{ Unwrap() sqldriver.Stmt }:
			v = w.Unwrap()
		case interface{ Unwrap() sqldriver.Rows }:
			v = w.Unwrap()
		case interface{ Unwrap() sqldriver.Tx }:
			v = w.Unwrap()
		default:
			return v
		}
	}
}

// counted counts the connections of a wrapped connector.
type counted struct{ sqldriver.Connector }

// Connect opens a connection of the wrapped connector.
func (c counted) Connect(ctx context.Context) (sqldriver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err == nil {
		evidence.connected(conn)
	}
	return conn, err
}

// Close closes the wrapped connector, if it can be closed.
func (c counted) Close() error {
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// Unwrap returns the wrapped connector.
func (c counted) Unwrap() sqldriver.Connector { return c.Connector }
