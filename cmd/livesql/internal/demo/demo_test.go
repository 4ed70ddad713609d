package demo

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vantage-go/live/dialects"
	_ "github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
)

// TestMain lets the test binary be the other process.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "write" {
		if err := Write(context.Background(), os.Args[2], os.Stdin, os.Stdout); err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func writerProcess(ctx context.Context, path string) (*exec.Cmd, error) {
	self, err := os.Executable()
	return exec.CommandContext(ctx, self, "write", path), err
}

// TestBrokenClaims breaks the handle in ways that each make one claim untrue.
// The demo must say which.
func TestBrokenClaims(t *testing.T) {
	for _, c := range []struct {
		name, claim string
		setup       time.Duration
		options     func(t *testing.T, dsn string) []livesql.Option
	}{
		{"no cache", "the change feed is live and covers the tables", 0, fixed(livesql.Off())},
		{"no triggers", "the change feed is live and covers the tables", time.Second, fixed(livesql.NoInstall())},
		{"nothing kept", "every further read comes from memory", 0, fixed(livesql.ForcedEviction())},
		{"own writes forgotten", "a read after a write through the handle sees it", 0, broken(forgetWrites)},
		{"a feed that loses changes", "no read was ever behind by the lease", 0, broken(loseChanges)},
		{"random() cacheable", "Explain says what is expected", 0, broken(cacheRandom)},
	} {
		t.Run(c.name+", "+c.claim, func(t *testing.T) {
			dsn := filepath.Join(t.TempDir(), "demo.db") + "?_pragma=synchronous(OFF)"
			var out bytes.Buffer
			err := Run(t.Context(), Config{
				Once: true, DSN: dsn, Out: &out, Writer: writerProcess, Quick: true,
				Lease: time.Second, Setup: c.setup, Options: c.options(t, dsn),
			})
			var failed *FailedError
			if !errors.As(err, &failed) {
				t.Fatalf("Run returned %v\n%s", err, &out)
			}
			if !strings.Contains(strings.Join(failed.Claims, "\n"), c.claim) {
				t.Errorf("failed claims %q, none is %q", failed.Claims, c.claim)
			}
			if !strings.Contains(out.String(), "FAILED  "+c.claim) {
				t.Errorf("the failed claim was not printed:\n%s", &out)
			}
			if strings.Contains(out.String(), "claims held.") {
				t.Errorf("the end says that all is well:\n%s", &out)
			}
		})
	}
}

func fixed(options ...livesql.Option) func(*testing.T, string) []livesql.Option {
	return func(*testing.T, string) []livesql.Option { return options }
}

// broken puts a backend behind the handle that is SQLite's but for one thing.
func broken(spoil func(*spoiled)) func(*testing.T, string) []livesql.Option {
	return func(t *testing.T, dsn string) []livesql.Option {
		t.Helper()
		d, err := dialects.Lookup("sqlite")
		if err != nil {
			t.Fatal(err)
		}
		connector, err := d.Connector(dsn)
		if err != nil {
			t.Fatal(err)
		}
		backend, err := d.(listen.Backer).Backend(listen.BackendConfig{
			Connector: connector, DSN: dsn, Install: listen.InstallAuto, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		s := &spoiled{Backend: backend, analysis: func(*dialects.Analysis) {}, delta: func(*listen.Delta) {}}
		spoil(s)
		return []livesql.Option{livesql.WithBackend(s)}
	}
}

// spoiled is a backend whose answers are falsified.
type spoiled struct {
	listen.Backend
	analysis func(*dialects.Analysis)
	delta    func(*listen.Delta)
}

func forgetWrites(s *spoiled) {
	s.analysis = func(a *dialects.Analysis) {
		if a.Scan.Kind == dialects.Write {
			a.Writes, a.WritesAll = nil, false
		}
	}
}

func loseChanges(s *spoiled) { s.delta = func(d *listen.Delta) { d.Changes = nil } }

func cacheRandom(s *spoiled) {
	s.analysis = func(a *dialects.Analysis) {
		if strings.Contains(a.Uncacheable, "random()") {
			a.Uncacheable = ""
		}
	}
}

func (s *spoiled) Analyze(ctx context.Context, text string) (*dialects.Analysis, error) {
	a, err := s.Backend.Analyze(ctx, text)
	falsified := *a
	s.analysis(&falsified)
	return &falsified, err
}

func (s *spoiled) Connect(ctx context.Context) (listen.Reader, error) {
	r, err := s.Backend.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &spoiledReader{r, s}, nil
}

type spoiledReader struct {
	listen.Reader
	of *spoiled
}

func (r *spoiledReader) Poll(ctx context.Context, since listen.Cursor) (listen.Delta, error) {
	d, err := r.Reader.Poll(ctx, since)
	r.of.delta(&d)
	return d, err
}

// TestAgain runs the demo twice on a file that is named: it is kept, known
// again, and as it was.
func TestAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "demo.db")
	var names []string
	for range 2 {
		var out bytes.Buffer
		if err := Run(t.Context(), Config{Once: true, DSN: path, Out: &out, Writer: writerProcess, Quick: true}); err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
		names = append(names, oneValue(t, path, sampleRead), oneValue(t, path, "SELECT sum(quantity) FROM order_details"))
	}
	if names[0] != "Alfreds Futterkiste" || names[1] != "51317" || !slices.Equal(names[:2], names[2:]) {
		t.Errorf("after the first and the second run: %q", names)
	}
}

func oneValue(t *testing.T, path, query string) string {
	t.Helper()
	db, err := sql.Open("sqlite", plainDSN(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	value, err := answer(t.Context(), db, query)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestWatch follows the demo after the show: a write of another program is
// told, with the answer that it changed.
func TestWatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "demo.db")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	screen := newScreen()
	ran := make(chan error, 1)
	go func() {
		ran <- Run(ctx, Config{DSN: path, Out: screen, Writer: writerProcess, Quick: true})
	}()
	screen.wait(t, ctx, "Ctrl-C ends this")
	screen.wait(t, ctx, "→")

	other, err := sql.Open("sqlite", plainDSN(path))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(ctx, sampleUpdate, "Written by hand"); err != nil {
		t.Fatal(err)
	}
	screen.wait(t, ctx, "customers updated: key 1")
	screen.wait(t, ctx, "→  Written by hand")
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("the end of a watch is an error: %v", err)
	}
}

// TestInterrupted ends the demo in the middle of the show.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	screen := newScreen()
	ran := make(chan error, 1)
	go func() {
		ran <- Run(ctx, Config{Once: true, DSN: filepath.Join(t.TempDir(), "demo.db"), Out: screen, Writer: writerProcess})
	}()
	screen.wait(t, ctx, "1  Reads")
	cancel()
	if err := <-ran; !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v, want context.Canceled", err)
	}
}

// screen is a writer that tells when a text was written to it.
type screen struct {
	io.Writer
	screenMu sync.Mutex // guards the rest
	text     strings.Builder
	grown    chan struct{}
}

func newScreen() *screen { return &screen{grown: make(chan struct{})} }

func (s *screen) Write(p []byte) (int, error) {
	s.screenMu.Lock()
	defer s.screenMu.Unlock()
	close(s.grown)
	s.grown = make(chan struct{})
	return s.text.Write(p)
}

func (s *screen) wait(t *testing.T, ctx context.Context, want string) {
	t.Helper()
	for {
		s.screenMu.Lock()
		text, grown := s.text.String(), s.grown
		s.screenMu.Unlock()
		if strings.Contains(text, want) {
			return
		}
		select {
		case <-grown:
		case <-ctx.Done():
			t.Fatalf("no %q on the screen:\n%s", want, text)
		}
	}
}
