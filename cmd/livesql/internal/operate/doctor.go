package operate

import (
	"context"
	"database/sql"
	"fmt"
	"io"

	"github.com/vantage-go/live/listen"
)

// Doctor is the command "doctor".
type Doctor struct {
	Target

	JSON bool `name:"json" help:"Print JSON."`
}

// finding is listen.Finding as JSON.
type finding struct {
	Grade string `json:"grade"`
	What  string `json:"what"`
	Do    string `json:"do,omitempty"`
}

// Run prints what is wrong, and returns [ErrTrouble] if something does not
// work.
func (c *Doctor) Run(ctx context.Context, out io.Writer) error {
	return c.use(ctx, func(d listen.Capturer, db *sql.DB) error {
		findings, err := d.Diagnose(ctx, db)
		if err != nil {
			return err
		}
		trouble := false
		told := make([]finding, 0, len(findings))
		for _, f := range findings {
			trouble = trouble || f.Grade == listen.Problem
			told = append(told, finding{f.Grade.String(), f.What, f.Do})
		}
		if c.JSON {
			err = printJSON(out, told)
		} else {
			err = printFindings(out, told)
		}
		if err == nil && trouble {
			return ErrTrouble
		}
		return err
	})
}

func printFindings(out io.Writer, findings []finding) error {
	for _, f := range findings {
		if _, err := fmt.Fprintf(out, "%-8s %s\n", f.Grade, f.What); err != nil {
			return err
		}
		if f.Do == "" {
			continue
		}
		if _, err := fmt.Fprintf(out, "         → %s\n", f.Do); err != nil {
			return err
		}
	}
	return nil
}
