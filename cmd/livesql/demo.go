package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/vantage-go/live/cmd/livesql/internal/demo"
	_ "github.com/vantage-go/live/dialects/sqlite" // the demo's database
)

// demoCmd is the command "demo".
type demoCmd struct {
	Once  bool   `help:"End after the show. The exit code is 1 if a claim did not hold."`
	Quick bool   `hidden:"" help:"Try everything fewer times, for tests."`
	DSN   string `name:"dsn" placeholder:"FILE" help:"SQLite file for the demo, new or left by an earlier demo; it is kept. Without it the demo uses a temporary one."`
}

// Run runs the show.
func (c *demoCmd) Run(ctx context.Context, std streams) error {
	return demo.Run(ctx, demo.Config{
		Once:   c.Once,
		Quick:  c.Quick,
		DSN:    c.DSN,
		Out:    std.out,
		Color:  isTerminal(std.out),
		Writer: demoWriter,
	})
}

// demoWriterCmd is the hidden command that the demo runs as another process.
type demoWriterCmd struct {
	Path string `arg:"" help:"The database file."`
}

// Run writes what it is told on the standard input.
func (c *demoWriterCmd) Run(ctx context.Context, std streams) error {
	return demo.Write(ctx, c.Path, std.in, std.out)
}

// demoWriter returns the command of a process that runs demoWriterCmd.
func demoWriter(ctx context.Context, path string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("looking for this program's own file: %w", err)
	}
	return exec.CommandContext(ctx, self, "demo-writer", path), nil
}
