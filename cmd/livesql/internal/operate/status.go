package operate

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/vantage-go/live/listen"
)

// Status is the command "status".
type Status struct {
	Target

	JSON bool `name:"json" help:"Print JSON."`
}

// coverage is listen.Coverage as JSON.
type coverage struct {
	Installed bool       `json:"installed"`
	Version   int        `json:"version,omitempty"`
	Current   int        `json:"current_version"`
	Later     bool       `json:"later_tables"`
	Bell      string     `json:"bell,omitempty"`
	Rows      int64      `json:"log_rows"`
	Oldest    *time.Time `json:"log_oldest,omitempty"`
	Forbidden string     `json:"forbidden,omitempty"`
	Tables    []covered  `json:"tables"`
}

type covered struct {
	Table   string   `json:"table"`
	Covered bool     `json:"covered"`
	Why     string   `json:"why,omitempty"`
	Key     []string `json:"key,omitempty"`
	Whole   string   `json:"whole_table,omitempty"`
}

// Run prints what is installed.
func (c *Status) Run(ctx context.Context, out io.Writer) error {
	return c.use(ctx, func(d listen.Capturer, db *sql.DB) error {
		found, err := d.Coverage(ctx, db)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(out, asJSON(found))
		}
		return printCoverage(out, found)
	})
}

func asJSON(c *listen.Coverage) coverage {
	j := coverage{
		Installed: c.Installed, Version: c.Version, Current: c.Current,
		Later: c.Later, Bell: string(c.Bell), Rows: c.Rows, Forbidden: c.Forbidden, Tables: []covered{},
	}
	if !c.Oldest.IsZero() {
		j.Oldest = &c.Oldest
	}
	for _, t := range c.Tables {
		j.Tables = append(j.Tables, covered{t.Table.String(), t.Covered, t.Why, t.Key, t.Whole})
	}
	return j
}

func printCoverage(out io.Writer, c *listen.Coverage) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	switch {
	case !c.Installed:
		fmt.Fprintln(w, "livesql is not installed in this database.")
	case c.Forbidden != "":
		fmt.Fprintf(w, "livesql is installed, but this account may not %s: livesql doctor says what it lacks.\n", c.Forbidden)
	default:
		fmt.Fprintf(w, "layout\t%d\n", c.Version)
		if c.Bell != "" {
			fmt.Fprintf(w, "bell\t%s\n", c.Bell)
		}
		fmt.Fprintf(w, "later tables\t%s\n", map[bool]string{true: "captured by handles", false: "not captured"}[c.Later])
		fmt.Fprintf(w, "log\tabout %d rows%s\n", c.Rows, since(c.Oldest))
	}
	fmt.Fprint(w, "\nTABLE\tCOVERED\tBY\n")
	for _, t := range c.Tables {
		state, by := "yes", strings.Join(t.Key, ", ")
		switch {
		case !t.Covered:
			state, by = "no", t.Why
		case len(t.Key) == 0:
			by = "whole table: " + t.Whole
		}
		fmt.Fprintf(w, "%v\t%s\t%s\n", t.Table, state, by)
	}
	return w.Flush()
}

func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", the oldest of " + t.Format(time.DateTime)
}

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
