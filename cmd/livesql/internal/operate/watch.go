package operate

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
)

// Watch is the command "watch".
type Watch struct {
	Target

	Table   []string      `arg:"" optional:"" name:"table" help:"Tables to watch, as name or schema.name. Without any, all that are captured."`
	JSON    bool          `name:"json" help:"Print one JSON object per line."`
	Install bool          `help:"Install capture on every table first."`
	Count   int           `placeholder:"N" help:"End after N changes."`
	Timeout time.Duration `placeholder:"DURATION" default:"10s" help:"How long to wait for the change feed at the start (${default})."`
}

// line is what is printed of one change or reset, as JSON.
type line struct {
	At    time.Time `json:"at"`
	Table string    `json:"table,omitempty"`
	Op    string    `json:"op"`
	Key   any       `json:"key,omitempty"`
	Why   string    `json:"why,omitempty"`
}

// NotCoveredError is returned for a table that there is nothing to watch of.
type NotCoveredError struct {
	Table, Why string
}

func (e *NotCoveredError) Error() string {
	return fmt.Sprintf("changes of table %s are not captured: %s", e.Table, e.Why)
}

// Run prints changes until ctx ends, which is no error. What is not a change
// goes to errs.
func (c *Watch) Run(ctx context.Context, out, errs io.Writer) (err error) {
	name, err := c.driver()
	if err != nil {
		return err
	}
	option := livesql.NoInstall()
	if c.Install {
		option = livesql.AutoInstall()
	}
	d, err := c.capturer()
	if err != nil {
		return err
	}
	if err := c.exists(d); err != nil {
		return err
	}
	db, err := livesql.Open(ctx, name, c.DSN, option)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := c.begin(ctx, db); err != nil {
		return err
	}
	sub := db.Feed().Follow()
	defer sub.Close()
	defer db.Feed().Subscribe(telling{errs})()
	_, _ = fmt.Fprintf(errs, "Watching%s. Ctrl-C ends this.\n", hears(db.Feed().Status()))
	left := c.Count
	for batch, err := range sub.Batches(ctx) {
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		for _, l := range c.lines(batch) {
			if err := c.print(out, l); err != nil {
				return err
			}
			if left--; left == 0 && c.Count > 0 {
				return nil
			}
		}
	}
	return nil
}

func hears(s listen.Status) string {
	if s.Hears == "" {
		return ""
	}
	return " (" + s.Hears + ")"
}

// begin waits for the feed, and looks whether the tables are captured.
func (c *Watch) begin(ctx context.Context, db *livesql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := db.Feed().WaitLive(ctx); err != nil {
		return fmt.Errorf("waiting for the change feed: %w", err)
	}
	for {
		var found *listen.Coverage
		err := c.use(ctx, func(d listen.Capturer, plain *sql.DB) (err error) {
			found, err = d.Coverage(ctx, plain)
			return err
		})
		if err != nil {
			return err
		}
		missing := c.missing(found)
		if missing == nil {
			return nil
		}
		if !c.Install {
			return missing
		}
		// Installing goes on in the background.
		if err := db.Feed().Sync(ctx); err != nil {
			return errors.Join(missing, err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(missing, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// missing returns an error if a table, or with none named every table, is not
// captured.
func (c *Watch) missing(found *listen.Coverage) error {
	if !found.Installed {
		return &NotCoveredError{"(any)", `livesql is not installed in this database, see "livesql install"`}
	}
	for _, name := range c.Table {
		i := slices.IndexFunc(found.Tables, func(t listen.TableCoverage) bool { return matches(name, t.Table) })
		switch {
		case i < 0:
			return &NotCoveredError{name, "there is no such table"}
		case !found.Tables[i].Covered:
			return &NotCoveredError{name, found.Tables[i].Why}
		}
	}
	return nil
}

// matches reports whether a name of the command line is t's.
func matches(name string, t dialects.Table) bool { return name == t.Name || name == t.String() }

// lines returns what is to be told of a batch.
func (c *Watch) lines(b listen.Batch) []line {
	var lines []line
	at := time.Now()
	if b.Reset != "" {
		lines = append(lines, line{At: at, Op: "reset", Why: b.Reset})
	}
	for _, change := range b.Changes {
		if len(c.Table) > 0 && !slices.ContainsFunc(c.Table, func(name string) bool { return matches(name, change.Table) }) {
			continue
		}
		lines = append(lines, line{At: at, Table: change.Table.String(), Op: verb(change.Op), Key: change.Key})
	}
	return lines
}

func verb(op listen.Op) string {
	switch op {
	case listen.Insert:
		return "insert"
	case listen.Update:
		return "update"
	case listen.Delete:
		return "delete"
	case listen.Whole:
		return "table"
	}
	return string(op)
}

func (c *Watch) print(out io.Writer, l line) error {
	if c.JSON {
		return json.NewEncoder(out).Encode(l)
	}
	at := l.At.Format("15:04:05.000")
	var err error
	switch {
	case l.Op == "reset":
		_, err = fmt.Fprintf(out, "%s  reset   %s\n", at, l.Why)
	case l.Key == nil:
		_, err = fmt.Fprintf(out, "%s  %-7s %s\n", at, l.Op, l.Table)
	default:
		_, err = fmt.Fprintf(out, "%s  %-7s %s  %s\n", at, l.Op, l.Table, keyText(l.Key))
	}
	return err
}

// keyText spells a key as JSON does, without the brackets of a single one.
func keyText(key any) string {
	b, err := json.Marshal(key)
	if err != nil {
		return fmt.Sprint(key)
	}
	return string(b)
}

// telling tells what becomes of the feed.
type telling struct{ errs io.Writer }

func (t telling) Apply(listen.Batch) {}

func (t telling) Changed(s listen.State) {
	if s != listen.Closed {
		_, _ = fmt.Fprintf(t.errs, "The change feed is %v.\n", s)
	}
}
