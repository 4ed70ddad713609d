package cache

import (
	"context"
	"sync/atomic"

	"github.com/vantage-go/live/dialects"
)

// statement is what the handle knows of one text under one catalogue version.
type statement struct {
	text     string
	analysis *dialects.Analysis
	// read: the text may be answered from memory.
	read bool
	// fleeting: the next execution has to ask again.
	fleeting bool
	// seed starts the hash of the statement's keys.
	seed uint64
	// skips remembers that the inner driver answers ErrSkip to the text,
	// without and with arguments: it arrives again as a prepared statement,
	// whose values may have other types.
	skips [2]atomic.Bool
	// unkept counts down the executions that are not recorded after a result
	// was too large.
	unkept atomic.Int32
}

// afterTooLarge is how many executions of a statement go unrecorded after one
// whose result was too large: reading ahead costs memory for nothing.
const afterTooLarge = 64

// same reports whether two statements are of one text. The memo may have
// forgotten one of them in between.
func (st *statement) same(other *statement) bool {
	return st == other || st.text == other.text
}

// recent remembers the last statements of one connection, so that a program
// that runs few texts does not even look them up in the shared memo.
type recent [16]*statement

// slot is where a text is remembered: any cheap function of it will do.
func (r *recent) slot(text string) **statement {
	n := len(text)
	if n == 0 {
		return &r[0]
	}
	return &r[(n*7+int(text[n/2])+int(text[n-1])*3)%len(r)]
}

// classify returns what is known of a text. Texts are remembered.
func (c *Cache) classify(text string) *statement {
	if st, ok := c.statements.GetIfPresent(text); ok && st.analysis.Version == c.backend.Version() {
		return st
	}
	return c.analyze(text)
}

func (c *Cache) analyze(text string) *statement {
	ctx, cancel := context.WithTimeout(context.Background(), analyzeTimeout)
	defer cancel()
	a, err := c.backend.Analyze(ctx, text)
	st := &statement{
		text:     text,
		analysis: a,
		read:     a.Uncacheable == "" && a.Scan.Kind == dialects.Read && !a.Changes(),
		seed:     c.hasher.text(text),
	}
	switch {
	case err != nil:
		// The database could not be asked, or refused the text: it may be
		// right next time.
		st.fleeting = true
		c.config.Log.Debug("livesql: a statement could not be analysed", "error", err)
	case len(text) <= maxStatementText:
		c.statements.Set(text, st)
	}
	return st
}
