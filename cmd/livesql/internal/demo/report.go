package demo

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// report prints the show and remembers the claims that did not hold.
type report struct {
	out    io.Writer
	color  bool
	claims int
	failed []string
}

// FailedError is returned by Run when claims did not hold.
type FailedError struct {
	// Claims holds each failed claim with what was measured.
	Claims []string
	// Of is the number of claims that were checked.
	Of int
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("%d of %d claims did not hold:\n  %s", len(e.Claims), e.Of, strings.Join(e.Claims, "\n  "))
}

// verdict returns a [*FailedError], or nil when every claim held.
func (r *report) verdict() error {
	if len(r.failed) == 0 {
		return nil
	}
	return &FailedError{Claims: r.failed, Of: r.claims}
}

// The styles of a terminal.
const (
	bold  = "\x1b[1m"
	faint = "\x1b[2m"
	green = "\x1b[32m"
	red   = "\x1b[31m"
	reset = "\x1b[0m"
)

func (r *report) style(style, s string) string {
	if !r.color {
		return s
	}
	return style + s + reset
}

// scene starts a scene.
func (r *report) scene(title string) {
	fmt.Fprintf(r.out, "\n%s\n\n", r.style(bold, title))
}

// text prints a paragraph.
func (r *report) text(lines ...string) {
	for _, line := range lines {
		fmt.Fprintln(r.out, strings.TrimRight("  "+line, " "))
	}
	fmt.Fprintln(r.out)
}

// claim prints a claim that was checked: held tells with which result, and
// measured what the result is based on.
func (r *report) claim(held bool, claim, measured string) {
	r.claims++
	word := r.style(green, "held  ")
	if !held {
		word = r.style(red, "FAILED")
		r.failed = append(r.failed, claim+": "+measured)
	}
	fmt.Fprintf(r.out, "  %s  %s: %s\n", word, claim, measured)
}

// table prints rows under a header in aligned columns. The columns of a header
// that starts with a space stand to the right. A blank header is left out.
func (r *report) table(header []string, rows [][]string) {
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(strings.TrimLeft(cell, " ")))
		}
	}
	line := func(row []string) string {
		var b strings.Builder
		for i, cell := range row {
			cell = strings.TrimLeft(cell, " ")
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if strings.HasPrefix(header[i], " ") {
				cell = pad + cell
			} else {
				cell += pad
			}
			b.WriteString("  " + cell + " ")
		}
		return strings.TrimRight(b.String(), " ")
	}
	if names := line(header); names != "" {
		fmt.Fprintln(r.out, r.style(faint, names))
	}
	for _, row := range rows {
		fmt.Fprintln(r.out, line(row))
	}
	fmt.Fprintln(r.out)
}

// span writes a duration with three digits.
func span(d time.Duration) string {
	switch {
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case d < time.Millisecond:
		return digits(float64(d)/float64(time.Microsecond)) + " µs"
	case d < time.Second:
		return digits(float64(d)/float64(time.Millisecond)) + " ms"
	}
	return digits(d.Seconds()) + " s"
}

// digits writes a number with three digits, or with all before the point.
func digits(f float64) string {
	switch {
	case f < 10:
		return fmt.Sprintf("%.2f", f)
	case f < 100:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.0f", f)
}

// count writes an integer with separators: 12,345.
func count[N int | int64 | uint64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// of writes "3 of 4".
func of[N int | int64 | uint64](n, total N) string { return count(n) + " of " + count(total) }
