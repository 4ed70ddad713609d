package sampledata

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

//go:embed data
var files embed.FS

// maxParameters bounds the parameters of one INSERT. SQLite takes 32766, the
// others twice as many.
const maxParameters = 8000

// Load makes the tables and the view in an empty database and fills them, in one
// transaction. It fails if a table exists. After an error nothing is left, except
// in MySQL, which commits at every CREATE: there the tables remain, without rows.
//
// Cost: 3193 rows in a few statements per table, on SQLite well under a second.
func Load(ctx context.Context, db *sql.DB, e Engine) error {
	stmts, err := DDL(e)
	if err != nil {
		return err
	}
	d := dialects[e]
	if !d.createsInTx {
		if err := create(ctx, db, stmts); err != nil {
			return err
		}
		stmts = nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("sampledata: begin: %w", err)
	}
	if err := createAndFill(ctx, tx, d, stmts); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sampledata: commit: %w", err)
	}
	return nil
}

func createAndFill(ctx context.Context, tx *sql.Tx, d dialect, stmts []string) error {
	if err := create(ctx, tx, stmts); err != nil {
		return err
	}
	for _, t := range tables {
		if err := fill(ctx, tx, d, t); err != nil {
			return err
		}
	}
	return nil
}

// execer is a pool or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func create(ctx context.Context, db execer, stmts []string) error {
	for _, stmt := range stmts {
		if _, err := db.ExecContext(ctx, stmt); err != nil {
			return fmt.Errorf("sampledata: %s: %w", firstLine(stmt), err)
		}
	}
	return nil
}

func fill(ctx context.Context, tx *sql.Tx, d dialect, t table) error {
	rows, err := t.rows()
	if err != nil {
		return err
	}
	batch := maxParameters / len(t.columns)
	for len(rows) > 0 {
		n := min(batch, len(rows))
		args := make([]any, 0, n*len(t.columns))
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		if _, err := tx.ExecContext(ctx, d.insert(t, n), args...); err != nil {
			return fmt.Errorf("sampledata: fill %s: %w", t.name, err)
		}
		rows = rows[n:]
	}
	if d.resume != "" && t.columns[0].kind == serial {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(d.resume, t.name)); err != nil {
			return fmt.Errorf("sampledata: count on in %s: %w", t.name, err)
		}
	}
	return nil
}

// rows reads the file of a table. Numbers with decimals and moments stay text,
// which every engine converts exactly.
func (t table) rows() ([][]any, error) {
	b, err := files.ReadFile("data/" + t.name + ".tsv")
	if err != nil {
		return nil, fmt.Errorf("sampledata: %w", err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	names := strings.Split(lines[0], "\t")
	if len(names) != len(t.columns) {
		return nil, fmt.Errorf("sampledata: %s.tsv: %d columns, want %d", t.name, len(names), len(t.columns))
	}
	for i, c := range t.columns {
		if names[i] != c.name {
			return nil, fmt.Errorf("sampledata: %s.tsv: column %s, want %s", t.name, names[i], c.name)
		}
	}
	rows := make([][]any, 0, len(lines)-1)
	for i, line := range lines[1:] {
		row, err := t.parse(line)
		if err != nil {
			return nil, fmt.Errorf("sampledata: %s.tsv, line %d: %w", t.name, i+2, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (t table) parse(line string) ([]any, error) {
	fields := strings.Split(line, "\t")
	if len(fields) != len(t.columns) {
		return nil, fmt.Errorf("%d fields, want %d", len(fields), len(t.columns))
	}
	row := make([]any, len(fields))
	for i, field := range fields {
		c := t.columns[i]
		var err error
		switch {
		case field == `\N`:
			if !c.null {
				err = errors.New("NULL")
			}
		case c.kind == serial || c.kind == integer:
			row[i], err = strconv.ParseInt(field, 10, 64)
		case c.kind == boolean:
			row[i], err = strconv.ParseBool(field)
		default:
			row[i] = field
		}
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	return row, nil
}

// Tables returns the names of the tables, each after those that it refers to.
func Tables() []string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.name
	}
	return names
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
