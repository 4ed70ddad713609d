package main

import (
	"context"

	"github.com/vantage-go/live/cmd/livesql/internal/operate"
)

// The commands that work on the user's database.
type (
	installCmd   struct{ operate.Install }
	uninstallCmd struct{ operate.Uninstall }
	statusCmd    struct{ operate.Status }
	watchCmd     struct{ operate.Watch }
	doctorCmd    struct{ operate.Doctor }
)

func (c *installCmd) Run(ctx context.Context, std streams) error {
	return c.Install.Run(ctx, std.out)
}

func (c *uninstallCmd) Run(ctx context.Context, std streams) error {
	return c.Uninstall.Run(ctx, std.out)
}

func (c *statusCmd) Run(ctx context.Context, std streams) error { return c.Status.Run(ctx, std.out) }

func (c *doctorCmd) Run(ctx context.Context, std streams) error { return c.Doctor.Run(ctx, std.out) }

func (c *watchCmd) Run(ctx context.Context, std streams) error {
	return c.Watch.Run(ctx, std.out, std.err)
}
