// Package places numbers the databases that connections are to: those of a
// change feed, and those of the program. Two connections with one number are to
// the same database of the same server.
//
//	feed connects ─→ its text ─→ Number ─→ Identity of the backend
//	program dials ─→ Ask: text ─→ Number ─→ equal? then what it reads may be kept
//
// It knows no dialect: what tells databases apart is a statement of the
// dialect's.
package places

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Places gives out numbers, from 1. It may be used concurrently.
type Places struct {
	numbersMu sync.Mutex
	numbers   map[string]uint64
}

// Number returns the number of the database that says text of itself.
func (p *Places) Number(text string) uint64 {
	p.numbersMu.Lock()
	defer p.numbersMu.Unlock()
	n, ok := p.numbers[text]
	if !ok {
		if p.numbers == nil {
			p.numbers = make(map[string]uint64)
		}
		n = uint64(len(p.numbers)) + 1
		p.numbers[text] = n
	}
	return n
}

// Ask sends a query that returns one text on a connection of a driver.
func Ask(ctx context.Context, conn sqldriver.Conn, query string, args ...any) (text string, err error) {
	q, ok := conn.(sqldriver.QueryerContext)
	if !ok {
		return "", fmt.Errorf("a %T answers no queries", conn)
	}
	named := make([]sqldriver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = sqldriver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	rows, err := q.QueryContext(ctx, query, named)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]sqldriver.Value, len(rows.Columns()))
	if err := rows.Next(row); err != nil {
		return "", err
	}
	switch v := row[0].(type) {
	case string:
		text = v
	case []byte:
		text = string(v)
	default:
		return "", fmt.Errorf("the answer is a %T", v)
	}
	if err := rows.Next(row); !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("the answer has no end: %w", err)
	}
	return text, nil
}
