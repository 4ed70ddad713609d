package operate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vantage-go/live/listen"
)

// Install is the command "install".
type Install struct {
	Target

	Table       []string      `short:"t" placeholder:"NAME,…" help:"Tables to capture, as name or schema.name. Without it, all that there are." xor:"tables"`
	All         bool          `help:"Capture all tables, and let handles capture those that are created later." xor:"tables"`
	Bell        string        `placeholder:"MODE" enum:"gated,every,app,poll,," default:"" help:"How PostgreSQL announces commits: gated, every, app or poll. Without it, gated at first and unchanged later."`
	LockTimeout time.Duration `placeholder:"DURATION" default:"2s" help:"How long to wait for the lock on a table: writers of the table wait behind (${default})."`
	Patience    time.Duration `placeholder:"DURATION" default:"1m" help:"How long to try again for a lock that was not to be had (${default})."`
	Print       bool          `help:"Print the SQL and change nothing."`
}

// Run installs, or prints how.
func (c *Install) Run(ctx context.Context, out io.Writer) error {
	return c.use(ctx, func(d listen.Capturer, db *sql.DB) error {
		options := listen.InstallOptions{
			Tables: c.Table, Later: c.All, Bell: listen.Bell(c.Bell),
			LockTimeout: c.LockTimeout, Patience: c.Patience, Print: printer(c.Print, out),
		}
		changed, err := d.Install(ctx, db, options)
		switch {
		case c.Print && err == nil:
		case len(changed) > 0:
			names := make([]string, len(changed))
			for i, t := range changed {
				names[i] = t.String()
			}
			_, _ = fmt.Fprintf(out, "Captured from now on: %s.\n", strings.Join(names, ", "))
		case err == nil:
			_, _ = fmt.Fprintln(out, "Everything was in place.")
		}
		return err
	})
}

// printer returns what prints statements as a script, or nil.
func printer(wanted bool, out io.Writer) func(string) {
	if !wanted {
		return nil
	}
	return func(statement string) {
		_, _ = fmt.Fprintln(out, strings.TrimRight(statement, " \n;")+";")
	}
}

// Uninstall is the command "uninstall".
type Uninstall struct {
	Target

	Table       []string      `short:"t" placeholder:"NAME,…" help:"Tables to capture no more. Without it, everything that livesql has installed goes."`
	LockTimeout time.Duration `placeholder:"DURATION" default:"2s" help:"How long to wait for the lock on a table (${default})."`
	Patience    time.Duration `placeholder:"DURATION" default:"1m" help:"How long to try again for a lock that was not to be had (${default})."`
	Print       bool          `help:"Print the SQL and change nothing."`
}

// Run removes what was installed, or prints how.
func (c *Uninstall) Run(ctx context.Context, out io.Writer) error {
	return c.use(ctx, func(d listen.Capturer, db *sql.DB) error {
		err := d.Uninstall(ctx, db, listen.UninstallOptions{
			Tables: c.Table, LockTimeout: c.LockTimeout, Patience: c.Patience, Print: printer(c.Print, out),
		})
		if err != nil || c.Print {
			return err
		}
		_, _ = fmt.Fprintln(out, "Removed.")
		return nil
	})
}

// ErrTrouble is returned by commands that have told what is wrong.
var ErrTrouble = errors.New("there are problems, see above")
