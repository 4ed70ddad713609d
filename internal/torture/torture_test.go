package torture

import (
	"flag"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var duration = flag.Duration("torture", 8*time.Second, "how long TestSQLiteCoherence runs")

func TestMain(m *testing.M) {
	Main()
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// TestSQLiteCoherence is the short form of what `go test -torture=30s` runs.
func TestSQLiteCoherence(t *testing.T) {
	seed := uint64(os.Getpid())
	report, err := Run(t.Context(), Config{
		Dir: t.TempDir(), Duration: *duration, Writers: 4, Readers: 4, OwnWriters: 2, Lease: 2 * time.Second, Seed: seed,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d: %v", seed, report)
	for _, v := range report.Violations {
		t.Error(v)
	}
	if !report.OK() {
		t.Errorf("not coherent: %v", report)
	}
	if report.Share() < 0.5 {
		t.Errorf("only %.1f%% of the reads were hits; the others prove little: %+v", 100*report.Share(), report.Stats)
	}
	if report.Commits < 20 || report.OwnCommits < 3 || report.RolledBack < 1 {
		t.Errorf("too little was written to prove anything: %v", report)
	}
}

func TestStoppedProcess(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		lease time.Duration
		d     time.Duration
	}{
		{"short lease", 500 * time.Millisecond, 2 * time.Second},
		{"default lease", 2 * time.Second, max(5*time.Second, min(10*time.Second, *duration))},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := Stop(t.Context(), t.TempDir(), c.d, c.lease)
			if err != nil {
				t.Fatal(err)
			}
			if problem := p.Problem(); problem != "" {
				t.Error(problem)
			}
			for _, s := range p.After {
				t.Logf("read from %v to %v after the stop: version %d, from memory: %v", time.Duration(s.Start-p.Continued), time.Duration(s.End-p.Continued), s.Version, s.Hit)
			}
		})
	}
}
