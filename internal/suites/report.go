//go:build unix

package suites

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Report is the outcome of one suite with one toolchain.
type Report struct {
	Suite string
	Go    string
	Runs  []*Run // mode "raw" first
}

// Same reports whether the outcomes were the same in all modes and the wrapper
// kept the contract of its seam.
func (r *Report) Same() bool {
	for _, run := range r.Runs {
		if len(run.Diffs) > 0 || len(run.Proof.Broken) > 0 {
			return false
		}
	}
	return true
}

// shown is how many tests of one mode are named in a table's notes.
const shown = 40

// WriteTable writes one line per suite and mode, and what was noticed.
func WriteTable(w io.Writer, reports []*Report) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "suite\tgo\tmode\tpassed\tfailed\tskipped\tsame sets\tconnections\tstored\thits\tcompared\ttime")
	for _, r := range reports {
		for _, run := range r.Runs {
			same := "yes"
			switch {
			case run.Mode == Raw:
				same = "-"
			case len(run.Diffs) > 0:
				same = fmt.Sprintf("NO (%d)", len(run.Diffs))
			case len(run.Unstable)+len(run.ByDesign) > 0:
				same = fmt.Sprintf("yes (%d by design, %d run again)", len(run.ByDesign), len(run.Unstable))
			}
			conns, stored, hits, compared := "-", "-", "-", "-"
			if run.Mode != Raw {
				conns = fmt.Sprint(run.Proof.Conns)
			}
			if run.cached() {
				stored, hits, compared = fmt.Sprint(run.Proof.Stores), fmt.Sprint(run.Proof.Hits), fmt.Sprint(run.Proof.Compared)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%.1fs\n", r.Suite, r.Go, run.Mode,
				run.Count(Passed), run.Count(Failed, Crashed), run.Count(Skipped), same, conns, stored, hits, compared, run.Took.Seconds())
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	var notes strings.Builder
	for _, r := range reports {
		for _, run := range r.Runs {
			run.notes(&notes, r)
		}
	}
	_, err := io.WriteString(w, notes.String())
	return err
}

func (r *Run) notes(b *strings.Builder, report *Report) {
	where := fmt.Sprintf("%s with %s, %s", report.Suite, report.Go, r.Mode)
	if r.Mode == Raw {
		var failed []string
		for _, d := range diff(&Run{}, r) {
			if (d.Got == Failed || d.Got == Crashed) && len(failed) < shown {
				failed = append(failed, d.Test)
			}
		}
		if len(failed) > 0 {
			fmt.Fprintf(b, "\n%s: fails without the wrapper: %s\n", where, strings.Join(failed, ", "))
		}
	}
	for _, list := range []struct {
		what  string
		diffs []Diff
	}{{"DIFFERS", r.Diffs}, {"unstable, was run again", r.Unstable}, {"differs by design", r.ByDesign}} {
		printed, never := 0, 0
		for _, d := range list.diffs {
			if d.Got == Missing {
				never++
				continue
			}
			if printed++; printed > shown {
				continue
			}
			fmt.Fprintf(b, "\n%s: %s: %s: raw %s, %s %s; again (raw/%s):%s\n", where, list.what, d.Test, d.Raw, r.Mode, d.Got, r.Mode, d.Again)
			if out := strings.TrimSpace(d.Output); out != "" {
				fmt.Fprintf(b, "    %s\n", strings.ReplaceAll(clip(out), "\n", "\n    "))
			}
		}
		if printed > shown {
			fmt.Fprintf(b, "\n%s: %s: %d more tests\n", where, list.what, printed-shown)
		}
		if never > 0 {
			fmt.Fprintf(b, "\n%s: %s: %d tests never started, because their parent or the process ended early\n", where, list.what, never)
		}
	}
	for _, why := range r.Proof.Uncovered {
		fmt.Fprintf(b, "\n%s: a read could not be kept in time: %s\n", where, why)
	}
	for _, what := range r.Proof.Broken {
		fmt.Fprintf(b, "\n%s: BROKEN CONTRACT: %s\n", where, what)
	}
}

// clip shortens what a test printed to its last lines.
func clip(text string) string {
	const lines = 25
	if l := strings.Split(text, "\n"); len(l) > lines {
		return "…\n" + strings.Join(l[len(l)-lines:], "\n")
	}
	return text
}
