//go:build unix

package suites

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/vantage-go/live/internal/suites/inject"
)

// Status is how one test ended.
type Status string

// The ways a test can end. A test that was under way when its process ended
// has Crashed.
const (
	Passed  Status = "pass"
	Failed  Status = "fail"
	Skipped Status = "skip"
	Crashed Status = "crash"
	Missing Status = "missing" // it never started
)

// Run is one execution of a suite in one mode.
type Run struct {
	Mode     string
	Tests    map[string]Status // by name; in packages other than the root, by package and name
	Took     time.Duration
	Proof    inject.Proof // summed over all processes
	Diffs    []Diff       // against mode "raw"
	Unstable []Diff       // gone when the tests were run again
	ByDesign []Diff       // listed in Suite.ByDesign

	output map[string]string // by name
	ends   map[string]error  // how the process of each package ended
}

// Status returns how a test ended.
func (r *Run) Status(test string) Status {
	if s, ok := r.Tests[test]; ok {
		return s
	}
	return Missing
}

// Count returns how many tests ended in one of the ways.
func (r *Run) Count(ways ...Status) int {
	n := 0
	for name, s := range r.Tests {
		if slices.Contains(ways, s) && !strings.HasSuffix(name, processEnd) {
			n++
		}
	}
	return n
}

// summary tells of the tests of a run that did not pass.
func (r *Run) summary(verbose bool) string {
	var b strings.Builder
	for pkg, err := range r.ends {
		fmt.Fprintf(&b, "package %s: %v\n", pkg, err)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Tests)) {
		if s := r.Tests[name]; s != Passed {
			fmt.Fprintf(&b, "%s %s\n", s, name)
			if verbose {
				b.WriteString(r.output[name])
			}
		}
	}
	return b.String()
}

// processEnd is the name under which the end of a test process is kept among
// the outcomes of its tests.
const processEnd = "(process)"

// execution is the built suite.
type execution struct {
	*Runner
	suite     Suite
	toolchain Toolchain
	binaries  []binary
	dir       string
}

// full runs all tests of the suite once.
func (x *execution) full(ctx context.Context, mode string) (*Run, error) {
	run, err := x.run(ctx, mode, x.binaries, nil)
	if err != nil {
		return nil, err
	}
	x.logf("%s with %s, %s: %d passed, %d failed, %d skipped in %.1fs%s", x.suite.Name, x.toolchain.Version, mode,
		run.Count(Passed), run.Count(Failed, Crashed), run.Count(Skipped), run.Took.Seconds(), run.proof())
	for pkg, err := range run.ends {
		x.logf("%s with %s, %s, package %s: %v", x.suite.Name, x.toolchain.Version, mode, pkg, err)
	}
	if x.Verbose && mode == Raw {
		fmt.Fprint(x.Log, run.summary(true))
	}
	return run, run.proven()
}

// proof tells what the wrapper in the processes of a run reported.
func (r *Run) proof() string {
	if r.Mode == Raw {
		return ""
	}
	p := r.Proof
	text := fmt.Sprintf("; database/sql got %d connections of type %s", p.Conns, p.Type)
	if p.Statements > 0 {
		text += fmt.Sprintf(", ≥ %d statements were classified, ≥ %d rows wrapped", p.Statements, p.Rows)
	}
	if p.Stores > 0 {
		text += fmt.Sprintf(", %d results were stored, %d reads answered from memory, of which %d were compared", p.Stores, p.Hits, p.Compared)
	}
	return text
}

// cached tells whether the cache is on in the run's mode.
func (r *Run) cached() bool { return r.Mode == Cache || r.Mode == CacheEvict }

// proven returns an error if the wrapper was not where the mode wants it.
func (r *Run) proven() error {
	switch p := r.Proof; {
	case r.Mode == Raw && p.Conns > 0:
		return fmt.Errorf("mode raw: %d connections were wrapped", p.Conns)
	case r.Mode != Raw && p.Conns == 0:
		return fmt.Errorf("mode %s: no connection was wrapped", r.Mode)
	case r.Mode == Observed && (p.Statements == 0 || p.Rows == 0):
		return fmt.Errorf("mode %s: %d statements were classified and %d rows wrapped", r.Mode, p.Statements, p.Rows)
	case r.cached() && p.Stores == 0:
		return fmt.Errorf("mode %s: nothing was stored; reads were waited for in vain: %q", r.Mode, p.Uncovered)
	case r.Mode == Cache && len(p.Broken) == 0 && (p.Hits == 0 || p.Compared == 0):
		return fmt.Errorf("mode %s: %d reads were answered from memory, %d answers compared", r.Mode, p.Hits, p.Compared)
	case r.Mode == CacheEvict && p.Hits > 0:
		return fmt.Errorf("mode %s: %d reads were answered from memory", r.Mode, p.Hits)
	}
	return nil
}

// run runs tests of the given binaries in one mode: those with the given
// names, or all.
func (x *execution) run(ctx context.Context, mode string, binaries []binary, only map[string][]string) (*Run, error) {
	proofs, err := os.MkdirTemp(x.dir, "proof-")
	if err != nil {
		return nil, err
	}
	env := []string{inject.EnvMode + "=" + mode, inject.EnvProof + "=" + proofs, "GODEBUG=netdns=go"}
	if x.suite.Setup != nil {
		more, err := x.suite.Setup(ctx, x.fixture)
		if err != nil {
			return nil, fmt.Errorf("servers of %s: %w", x.suite.Name, err)
		}
		env = append(env, more...)
	}
	run := &Run{Mode: mode, Tests: map[string]Status{}, output: map[string]string{}, ends: map[string]error{}}
	start := time.Now()
	for _, b := range binaries {
		tests, ok := only[b.pkg]
		if only != nil && !ok {
			continue
		}
		if err := x.runBinary(ctx, b, tests, env, run); err != nil {
			return nil, err
		}
	}
	run.Took = time.Since(start)
	run.Proof, err = readProofs(proofs)
	return run, err
}

// runBinary runs the tests of one package and adds their outcome to run.
func (x *execution) runBinary(ctx context.Context, b binary, tests, env []string, run *Run) error {
	args := []string{
		"tool", "test2json", "-t", "-p", b.pkg,
		b.path, "-test.v=test2json", "-test.paniconexit0", "-test.timeout=" + x.suite.Timeout.String(),
	}
	if skip := x.suite.skip(); skip != "" {
		args = append(args, "-test.skip="+skip)
	}
	if tests != nil {
		quoted := make([]string, len(tests))
		for i, t := range tests {
			quoted[i] = regexp.QuoteMeta(t)
		}
		args = append(args, "-test.run=^("+strings.Join(quoted, "|")+")$")
	}
	// The tests' own timeout reports more than a kill, so it comes first.
	ctx, cancel := context.WithTimeout(ctx, x.suite.Timeout+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, x.toolchain.Go(), args...)
	cmd.Dir = b.dir
	cmd.Env = x.toolchain.env(env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	derr := run.decode(b.pkg, out)
	err = cmd.Wait()
	if ctxErr := context.Cause(ctx); ctxErr != nil {
		return fmt.Errorf("%s, %s: %w", x.suite.Name, run.Mode, ctxErr)
	}
	if derr != nil {
		return fmt.Errorf("%s, %s: %w\n%s", x.suite.Name, run.Mode, derr, bytes.TrimSpace(stderr.Bytes()))
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}

// event is what test2json prints.
type event struct {
	Action string
	Test   string
	Output string
}

// tailLines is how many lines are kept of what a process says outside of its tests.
const tailLines = 400

// decode adds what the tests of one package print to the run.
func (r *Run) decode(pkg string, out io.Reader) error {
	prefix := ""
	if pkg != "." {
		prefix = pkg + "."
	}
	var tail []string // the last lines outside of tests, and all since a panic
	packageFailed, explained, panicked := false, false, false
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if jerr := json.Unmarshal(line, &e); jerr != nil {
				return fmt.Errorf("output of test2json: %w: %q", jerr, line)
			}
			name := prefix + e.Test
			// A process that dies says why in the midst of whichever test was last.
			panicked = panicked || strings.HasPrefix(e.Output, "panic: ") || strings.HasPrefix(e.Output, "fatal error: ")
			switch {
			case e.Action != "output" || e.Test != "" && !panicked:
			case len(tail) < tailLines:
				tail = append(tail, e.Output)
			case !panicked:
				tail = append(tail[1:], e.Output)
			}
			switch {
			case e.Test == "" && e.Action == "fail":
				packageFailed = true
			case e.Test == "":
			case e.Action == "output":
				r.output[name] += e.Output
			case e.Action == "run":
				r.Tests[name] = Crashed
			case e.Action == "pass" || e.Action == "fail" || e.Action == "skip":
				r.Tests[name] = Status(e.Action)
				explained = explained || e.Action == "fail"
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	// A process that ends for a reason of its own (a panic in a goroutine,
	// os.Exit in TestMain) is an outcome too.
	end := prefix + processEnd
	r.Tests[end] = Passed
	switch {
	case packageFailed && !explained:
		r.Tests[end] = Failed
	case slices.Contains(slices.Collect(maps.Values(r.Tests)), Crashed):
		r.Tests[end] = Crashed
	}
	r.output[end] = strings.Join(tail, "")
	if r.Tests[end] != Passed {
		r.ends[pkg] = fmt.Errorf("the test process ended early:\n%s", r.output[end])
	}
	return nil
}

// readProofs adds up what the processes of a run reported.
func readProofs(dir string) (inject.Proof, error) {
	var sum inject.Proof
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return sum, err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return sum, err
		}
		if len(content) == 0 {
			continue // the process opened no connection
		}
		var p inject.Proof
		if err := json.Unmarshal(content, &p); err != nil {
			return sum, fmt.Errorf("%s: %w", file, err)
		}
		sum.Conns += p.Conns
		sum.Statements += p.Statements
		sum.Rows += p.Rows
		sum.Hits += p.Hits
		sum.Stores += p.Stores
		sum.Compared += p.Compared
		sum.Uncovered = append(sum.Uncovered, p.Uncovered...)
		sum.Broken = append(sum.Broken, p.Broken...)
		if sum.Type == "" {
			sum.Type = p.Type
		}
	}
	return sum, nil
}
