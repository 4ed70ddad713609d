package cache

import (
	"context"
	"sync/atomic"
	"unsafe"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/internal/rowset"
)

// statement is what the handle knows of one text under one catalogue version.
type statement struct {
	text     string
	analysis *dialects.Analysis
	// why says why the text must not be answered from memory, or is empty.
	why string
	// tables are all rows of the tables that the text reads.
	tables []core.Rows
	// fleeting: the next execution has to ask again.
	fleeting bool
	// shapes describe the columns of its results.
	shapes rowset.Shapes
	// seed starts the hash of the statement's keys.
	seed uint64
	// skips remembers that the inner driver answers ErrSkip to the text,
	// without and with arguments: it arrives again as a prepared statement,
	// whose values may have other types.
	skips [2]atomic.Bool
	// unkept counts down the executions that are not recorded after a result
	// was too large.
	unkept atomic.Int32
	// worth tells whether it pays to keep its results.
	worth worth
}

// read reports whether the text may be answered from memory.
func (st *statement) read() bool { return st.why == "" }

// unkept says why results of a text with that analysis are not kept, or returns
// nothing.
func (c *Cache) unkept(a *dialects.Analysis) string {
	switch {
	case a.Uncacheable != "":
		return a.Uncacheable
	case a.Scan.Kind != dialects.Read || a.Changes():
		return "the statement is not a read"
	}
	for _, t := range a.Reads {
		if c.config.Deny(t) {
			return "table " + t.String() + " is not to be kept in memory"
		}
	}
	return ""
}

// size is about the memory of what is known of the text, with the text.
func (st *statement) size() int64 {
	const text, table = int64(unsafe.Sizeof("")), int64(unsafe.Sizeof(dialects.Table{}))
	a := st.analysis
	size := int64(unsafe.Sizeof(*st)) + int64(unsafe.Sizeof(*a)) + int64(len(st.text))
	for _, name := range a.Scan.Names {
		size += text + int64(len(name))
	}
	size += int64(len(a.Scan.Calls))*text + int64(len(a.Reads))*(table+int64(unsafe.Sizeof(core.Rows{})))
	for i := range a.Pins {
		size += int64(unsafe.Sizeof(a.Pins[i]))
		for _, row := range a.Pins[i].Rows {
			// A literal is a value of its own.
			size += int64(unsafe.Sizeof(row)) + int64(len(row))*(int64(unsafe.Sizeof(dialects.Operand{}))+text)
		}
	}
	return size
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
	st := &statement{text: text, analysis: a, tables: core.Tables(a.Reads...), why: c.unkept(a), seed: c.hasher.text(text)}
	st.shapes.Owner = st
	if a.Conflict != "" {
		c.config.Log.Warn("livesql: a statement is not cached, because livesql contradicts itself about it", "conflict", a.Conflict)
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
