package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the command line: one field per command.
type commands struct {
	Version kong.VersionFlag `help:"Print the version and exit."`

	Install   installCmd   `cmd:"" help:"Install the capture of changes in a database."`
	Uninstall uninstallCmd `cmd:"" help:"Remove the capture of changes from a database."`
	Status    statusCmd    `cmd:"" help:"Tell what is installed, and how each table is covered."`
	Watch     watchCmd     `cmd:"" help:"Print changes as they come."`
	Doctor    doctorCmd    `cmd:"" help:"Explain what is wrong, and what to do about it."`

	Demo       demoCmd       `cmd:"" help:"Show on a SQLite database what livesql does, checking every claim."`
	DemoWriter demoWriterCmd `cmd:"" hidden:"" help:"Write to the database of a demo from another process."`
}

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the command did not do what it was asked, or a claim did not hold
	exitUsage  = 2 // the command line makes no sense
)

// streams are the standard streams of a command.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// run runs one command line and returns the exit code.
func run(ctx context.Context, args []string, std streams) int {
	// Kong ends the process after --help and --version; here it only notes it.
	ended, code := false, exitOK
	var line commands
	parser, err := kong.New(&line,
		kong.Name("livesql"),
		kong.Description("Ordinary *sql.DB handles whose reads come from memory, coherently."),
		kong.Vars{"version": version()},
		kong.Writers(std.out, std.err),
		kong.Exit(func(c int) { ended, code = true, c }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	)
	if err != nil {
		_, _ = fmt.Fprintln(std.err, "livesql:", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	switch {
	case ended:
		return code
	case err != nil:
		_, _ = fmt.Fprintf(std.err, "livesql: %v\nRun \"livesql --help\" for what there is.\n", err)
		return exitUsage
	}
	err = command.Run()
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		_, _ = fmt.Fprintln(std.err, "livesql: interrupted")
	default:
		_, _ = fmt.Fprintln(std.err, "livesql:", err)
	}
	return exitFailed
}
