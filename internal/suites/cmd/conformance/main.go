//go:build unix

// Command conformance runs the external test suites through the driver wrapper
// and prints a table of their outcomes.
//
//	go run ./internal/suites/cmd/conformance -suite sqlx,pgx -go 1.27
//
// It exits with status 1 if any outcome differs from that without the wrapper.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/vantage-go/live/internal/suites"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	var names []string
	for _, s := range suites.Suites() {
		names = append(names, s.Name)
	}
	var (
		only    = flag.String("suite", strings.Join(names, ","), "suites to run")
		modes   = flag.String("mode", "", "modes to compare with mode raw; all that a suite has if empty")
		release = flag.String("go", "1.26,1.27", "Go versions to run with")
		verbose = flag.Bool("v", false, "print what does not pass without the wrapper")
	)
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := suites.NewRunner(ctx, os.Stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	r.Verbose = *verbose

	var reports []*suites.Report
	var failures []error
	for _, version := range list(*release) {
		t, err := suites.FindToolchain(ctx, version)
		if err != nil {
			return err
		}
		for _, name := range list(*only) {
			s, err := suites.Lookup(name)
			if err != nil {
				return err
			}
			chosen := s.Modes()
			if *modes != "" {
				chosen = list(*modes)
			}
			report, err := r.Run(ctx, s, t, chosen...)
			if err != nil {
				if ctx.Err() != nil {
					return err
				}
				failures = append(failures, err)
				continue
			}
			reports = append(reports, report)
			if !report.Same() {
				failures = append(failures, fmt.Errorf("%s with %s behaves differently through the wrapper", s.Name, t.Version))
			}
		}
	}
	fmt.Println()
	if err := suites.WriteTable(os.Stdout, reports); err != nil {
		return err
	}
	return errors.Join(failures...)
}

func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' })
}
