package cache

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// versioned is a database whose schema changes.
type versioned struct {
	version atomic.Uint64
	// pinned: texts read the row whose key is their first argument.
	pinned bool
}

func (v *versioned) Identity() uint64 { return 0 }

func (v *versioned) Version() uint64 { return v.version.Load() }

func (v *versioned) Analyze(_ context.Context, text string) (*dialects.Analysis, error) {
	a := &dialects.Analysis{
		Scan: dialects.ScanText(dialects.SQLite, text), Reads: []dialects.Table{{Name: "t"}}, Version: v.Version(),
	}
	if v.pinned {
		a.Pins = []dialects.Pin{{Table: a.Reads[0], Kinds: []dialects.KeyKind{dialects.IntKey}, Rows: [][]dialects.Operand{{{Param: 1}}}}}
	}
	return a, nil
}

// TestOldMeaningFillsNothing: a text is understood, then the feed reports a
// schema change and is live again, and only then the read begins. Its ticket
// would stand for the tables of the old meaning.
func TestOldMeaningFillsNothing(t *testing.T) {
	t.Parallel()
	v := &versioned{}
	c, err := New(v, nil, Config{})
	if err != nil {
		t.Fatal(err)
	}
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "start"})
	s := c.Open()
	begin := func(st driver.Statement) bool {
		_, call, err := s.Query(t.Context(), st, nil, driver.Direct)
		if err != nil {
			t.Fatal(err)
		}
		if call == nil {
			return false
		}
		call.Failed(context.Canceled)
		return true
	}
	st := s.Classify("SELECT v FROM t")
	if !begin(st) {
		t.Fatal("the read begins no fill even without a schema change")
	}
	v.version.Add(1)
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "the schema has changed"})
	if begin(st) {
		t.Error("a text understood under the old schema begins a fill")
	}
	if !begin(s.Classify("SELECT v FROM t")) {
		t.Error("understood again, the text begins no fill")
	}
}
