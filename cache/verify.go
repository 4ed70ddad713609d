package cache

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/internal/rowset"
)

// verifyCall asks the database although the answer is in memory, and compares.
// The caller gets the database's answer.
//
//	same rows, in whatever order ─→ right
//	others ─→ suspect ─ killed by the next batches ──────────────────→ it was out of date, within the lease
//	                  └ alive after a poll that was sent afterwards ─→ violation
//
// A poll that was sent after the comparison tells of everything that the
// database's answer could contain. An entry that survives it, and is different,
// is one that the feed did not kill although it had to.
type verifyCall struct {
	session *session
	entry   entry
}

var _ driver.Call = (*verifyCall)(nil)

// Rows reads inner ahead and compares it with the entry.
func (v *verifyCall) Rows(ctx context.Context, inner sqldriver.Rows) (sqldriver.Rows, error) {
	s := v.session
	c := s.cache
	numbers, scans, ok := s.recordable(inner)
	if !ok {
		return s.passed(inner), nil
	}
	rows, set, _ := rowset.Record(inner, rowset.Budget{
		Bytes: c.config.ResultBytes, RowTypes: c.config.RowTypes, Like: &statementOf(v.entry.shape).shapes, Numbers: numbers,
		Done: ctx.Done(),
	})
	if set == nil {
		return s.played(rows, scans, true), nil
	}
	c.stats.verified.Add(1)
	if !sameRows(v.entry.rows(), set.Rows()) {
		c.suspects.add(suspect{v.entry, c.now()})
	}
	return s.played(rows, scans, false), nil
}

// Failed has nothing to compare.
func (v *verifyCall) Failed(error) {}

// suspects are entries that differed from the database.
type suspects struct {
	// suspectsMu guards list. It is held for copying only.
	suspectsMu sync.Mutex
	list       []suspect
}

type suspect struct {
	entry entry
	seen  core.Instant
}

// maxSuspects bounds how many wait for their judgement.
const maxSuspects = 1024

func (s *suspects) add(found suspect) {
	s.suspectsMu.Lock()
	defer s.suspectsMu.Unlock()
	if len(s.list) < maxSuspects {
		s.list = append(s.list, found)
	}
}

// due takes out those that were seen before sent.
func (s *suspects) due(sent core.Instant) []suspect {
	s.suspectsMu.Lock()
	defer s.suspectsMu.Unlock()
	var due []suspect
	s.list = slices.DeleteFunc(s.list, func(one suspect) bool {
		if !one.seen.Before(sent) {
			return false
		}
		due = append(due, one)
		return true
	})
	return due
}

// judge looks at the suspects after the batch of a poll was applied that was
// sent at sent.
func (c *Cache) judge(sent core.Instant) {
	if c.config.Verify == 0 {
		return
	}
	for _, one := range c.suspects.due(sent) {
		if !c.core.Alive(one.entry.core) {
			continue
		}
		c.stats.violations.Add(1)
		st := one.entry.statement()
		c.config.Log.Error("livesql: an answer from memory was wrong: the change feed did not tell of a change, or the result depends on more than its tables",
			"statement", st.text, "tables", fmt.Sprint(st.analysis.Reads))
		c.drop(c.core.Invalidate(st.tables), &c.stats.evictedByFeed)
	}
}

// sameRows reports whether two results hold the same rows, each as often, in
// whatever order: a statement without ORDER BY may answer in any.
func sameRows(a, b sqldriver.Rows) bool {
	left, okLeft := rowTexts(a)
	right, okRight := rowTexts(b)
	slices.Sort(left)
	slices.Sort(right)
	return okLeft && okRight && slices.Equal(left, right)
}

// rowTexts returns each row as one text, from which all of its values and their
// types could be read.
func rowTexts(rows sqldriver.Rows) ([]string, bool) {
	defer func() { _ = rows.Close() }() // a replay
	var texts []string
	row := make([]sqldriver.Value, len(rows.Columns()))
	for {
		err := rows.Next(row)
		if errors.Is(err, io.EOF) {
			return texts, true
		}
		if err != nil {
			return nil, false
		}
		var text strings.Builder
		for _, v := range row {
			var cell string
			switch v := v.(type) {
			case []byte:
				cell = string(v)
			case time.Time:
				cell = v.Format(time.RFC3339Nano) // not the pointer to its location
			default:
				cell = fmt.Sprint(v)
			}
			fmt.Fprintf(&text, "%T %s", v, strconv.Quote(cell))
		}
		texts = append(texts, text.String())
	}
}
