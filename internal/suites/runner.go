//go:build unix

package suites

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The modes.
const (
	Raw      = "raw"      // no wrapper
	Eager    = "eager"    // the wrapper without hooks, dialling at once
	Pass     = "pass"     // the wrapper without hooks
	Observed = "observed" // the wrapper with hooks that change nothing

	// These only in suites that link package cached.
	Live       = "live"        // livesql with nothing installed, which caches nothing
	Cache      = "cache"       // livesql with the cache on
	CacheEvict = "cache-evict" // the same, with every entry evicted before it is read
)

// Runner executes suites. It is used by one goroutine at a time: two suites at
// once would disturb each other's deadlines.
type Runner struct {
	// Root is the root of this module's source.
	Root string
	// Log receives a line per step.
	Log io.Writer
	// Verbose adds the output of tests whose outcome differs.
	Verbose bool

	dir         string // everything that is copied and built
	hosts       string // the hosts file of the suites
	goDirective string // of this module's go.mod
	fixture     *Fixture
}

// NewRunner returns a runner for the module whose source the working directory
// is in. Close removes what it made.
func NewRunner(ctx context.Context, log io.Writer) (*Runner, error) {
	var mod struct{ Dir, GoVersion string }
	if err := goJSON(ctx, "", &mod, "list", "-m", "-json", module); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "livesql-suites-")
	if err != nil {
		return nil, err
	}
	r := &Runner{
		Root: mod.Dir, Log: log,
		dir: dir, hosts: filepath.Join(dir, "hosts"), goDirective: mod.GoVersion,
		fixture: newFixture(mod.Dir, filepath.Join(dir, "servers")),
	}
	// lib/pq's certificates are made out to a host that is called postgres.
	hosts := "127.0.0.1 localhost postgres postgres-invalid\n::1 localhost\n"
	if err := os.WriteFile(r.hosts, []byte(hosts), 0o644); err != nil {
		return nil, err
	}
	// Servers that run as another user have to reach their directories.
	return r, os.Chmod(dir, 0o755)
}

// Close stops the servers and removes all files.
func (r *Runner) Close() error {
	err := r.fixture.Close()
	if rerr := os.RemoveAll(r.dir); err == nil {
		err = rerr
	}
	return err
}

// Run executes a suite with one toolchain: in mode "raw" and then in the given
// modes, each compared with "raw". An error means that there is no result;
// differences are in the report.
func (r *Runner) Run(ctx context.Context, s Suite, t Toolchain, modes ...string) (*Report, error) {
	x, err := r.prepare(ctx, s, t)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(x.dir)
	return x.report(ctx, modes...)
}

// prepare builds a suite.
func (r *Runner) prepare(ctx context.Context, s Suite, t Toolchain) (*execution, error) {
	dir := filepath.Join(r.dir, t.Version, strings.ReplaceAll(s.Name, "/", "_"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	r.logf("%s with %s: build", s.Name, t.Version)
	binaries, err := r.build(ctx, s, t, dir)
	if err != nil {
		return nil, err
	}
	return &execution{Runner: r, suite: s, toolchain: t, binaries: binaries, dir: dir}, nil
}

// report executes the suite in mode "raw" and in the given modes.
func (x *execution) report(ctx context.Context, modes ...string) (*Report, error) {
	s, t := x.suite, x.toolchain
	raw, err := x.full(ctx, Raw)
	if err != nil {
		return nil, err
	}
	if n := raw.Count(Passed); n < s.AtLeast {
		return nil, fmt.Errorf("%s with %s passes %d tests without the wrapper, %d were expected: is a server or a file missing?\n%s",
			s.Name, t.Version, n, s.AtLeast, raw.summary(x.Verbose))
	}
	report := &Report{Suite: s.Name, Go: t.Version, Runs: []*Run{raw}}
	for _, mode := range modes {
		if mode == Raw {
			continue
		}
		run, err := x.full(ctx, mode)
		if err != nil {
			return nil, err
		}
		if err := x.compare(ctx, raw, run); err != nil {
			return nil, err
		}
		report.Runs = append(report.Runs, run)
	}
	return report, nil
}

func (r *Runner) logf(format string, args ...any) {
	fmt.Fprintf(r.Log, format+"\n", args...)
}
