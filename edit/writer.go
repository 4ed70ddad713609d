package edit

import (
	"context"
	"crypto/rand"
	"fmt"
	"hash/maphash"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// Writer saves what sessions give it: while one batch is under way, the next
// gathers. It may be used concurrently, by the editors of any number of tables
// of one database. It has no goroutine while there is nothing to do, and none for
// a save that its caller sends, see [RecordEdit.Save].
type Writer struct {
	store   Store
	options options

	lifetime context.Context //nolint:containedctx // of the batches, which no caller's context may cut short
	cancel   context.CancelFunc

	// stateMu guards everything below, and all records and inboxes. It is
	// never held over a call of the store, an observer or a policy.
	stateMu sync.Mutex
	records map[recordKey]*record
	moves   moves
	queue   queue // not sent yet, in the order of acceptance
	bytes   int
	space   chan struct{} // closed when operations leave the queue; nil unless someone waits for that
	fast    lane
	slow    lane
	outage  outage
	closing bool
	closed  bool
	stats   Stats
	lanes   sync.WaitGroup

	settling bool
	awaited  []*pending // which have ended in the batch that is being settled
	groups   uint64
	linked   int      // saves that refer to new records, and have not ended
	journal  *journal // nil: there is no outbox
	named    bool     // saves have names
	nonce    string   // makes names of this writer its own
	names    uint64
}

// recordKey names a record: its key is comparable, as K is.
type recordKey struct {
	table *Table
	key   any
}

// lane is a goroutine that sends batches while there are any.
type lane struct {
	running bool
	wake    chan struct{} // holds a value when there may be something new
	batch   []*Op         // which is under way

	// These are of whoever sends a batch of the lane: see Writer.within.
	within context.Context //nolint:containedctx // of batches, which no caller's context may cut short
	end    context.CancelFunc
	until  time.Time
}

// outage tells that the database cannot be reached.
type outage struct {
	since time.Time // zero: there is none
	fails int
	until time.Time // next attempt
}

// NewWriter returns a writer to a store. End it with [Writer.Shutdown] or
// [Writer.Close].
func NewWriter(store Store, opts ...Option) *Writer {
	o := defaults()
	for _, opt := range opts {
		opt(&o)
	}
	w := &Writer{
		store: store, options: o,
		moves:   moves{seed: maphash.MakeSeed()},
		records: make(map[recordKey]*record),
		fast:    lane{wake: make(chan struct{}, 1)}, slow: lane{wake: make(chan struct{}, 1)},
	}
	w.lifetime, w.cancel = context.WithCancel(context.Background())
	if o.outbox != nil {
		w.journal = newJournal(o.outbox)
	}
	if notes(store) || w.journal != nil {
		w.named = true
		w.nonce = rand.Text()[:16]
	}
	return w
}

// name gives a save a name that no other has, in no process.
func (w *Writer) name(p *part) {
	if !w.named {
		return
	}
	n := p.naming()
	if n.id == "" {
		w.names++
		n.id = w.nonce + "-" + strconv.FormatUint(w.names, 36)
	}
	if n.since.IsZero() {
		n.since = p.queued()
	}
}

// naming returns what the outbox and the ledger know the save by, to be written to.
func (p *part) naming() *named {
	if p.named == nil {
		p.named = new(named)
	}
	return p.named
}

// finish ends a save and those that it replaced.
func (w *Writer) finish(p *part, o outcome, err error, what parcel) {
	what.part, what.err = p, err
	if what.at.IsZero() {
		what.at = time.Now()
	}
	for q := range p.all {
		if q.ended { // with its group, or apart from what has taken its place
			continue
		}
		one := o
		switch {
		case o.kind == Deleted && q.kind != Delete:
			one.supersede(q.asked)
		case q != p && q.kind != Delete && p.kind != Delete:
			one.supersede(q.unwritten(p, &o))
		}
		q.box.open--
		if err != nil {
			w.stats.Failed++
			q.box.last = err
		} else {
			w.stats.Done++
			q.box.last = nil
		}
		w.dropKept(q)
		w.resolve(q, one, err)
	}
	p.box.put(what)
}

// unwritten are the columns in which a save was not written that another of its
// session has replaced: those in which that has other values, and those in which
// another session's took the place of both.
func (p *part) unwritten(by *part, o *outcome) Columns {
	columns := p.table().plan.DiffIn(p.typed, by.typed, p.asked)
	if o.differs != nil {
		columns = columns.Or(o.differs.superseded.And(p.asked))
	}
	return columns
}

// opening is what a session is opened with.
type opening struct {
	table   *Table
	key     any
	row     any                  // as it was given
	after   func(known any) bool // it was read from the store just now, after that; else nil
	known   bool                 // the row is what the display knows
	isNew   bool                 // there is none yet
	display Display
	keyOf   func(row any) (any, error)
}

// open registers a session on a record, and returns the record's row. One that
// the writer knows to be older than its own is replaced by that.
func (w *Writer) open(o opening) (*inbox, any, error) {
	w.stateMu.Lock()
	defer w.stateMu.Unlock()
	return w.opened(o)
}

// opened is open under stateMu.
func (w *Writer) opened(o opening) (*inbox, any, error) {
	if w.closing {
		return nil, nil, ErrClosed
	}
	b := &inbox{table: o.table, created: !o.isNew, display: o.display, keyOf: o.keyOf}
	if w.journal != nil {
		w.names++
		b.name = w.nonce + "-" + strconv.FormatUint(w.names, 36)
	}
	if o.isNew {
		b.record = &record{table: o.table, boxes: map[*inbox]struct{}{b: {}}}
		return b, nil, nil
	}
	row := o.row
	if o.known {
		if row, _ = o.display.Known(o.key); row == nil {
			return nil, nil, gone(o.table, o.key)
		}
	}
	r := w.records[recordKey{o.table, o.key}]
	if r == nil {
		r = &record{table: o.table, key: o.key, base: row, given: o.after == nil && !o.known, boxes: make(map[*inbox]struct{})}
		w.records[recordKey{o.table, o.key}] = r
		w.moved(r)
	} else if newer, known := o.table.newer(r.base, row); known && newer {
		row = r.base
	} else if r.inflight == nil && (o.known || o.after != nil) {
		w.observed(r, row, Remote)
	} else if r.inflight == nil {
		r.learn(row)
		r.writer, r.gone, r.given = nil, false, true
		w.moved(r)
	}
	b.record = r
	r.boxes[b] = struct{}{}
	if o.display != nil && o.after != nil && r.inflight == nil {
		r.saw(o.after)
	}
	return b, row, nil
}

// close ends a session. Its saves go on.
func (w *Writer) close(b *inbox) {
	w.stateMu.Lock()
	defer w.stateMu.Unlock()
	if b.closed {
		return
	}
	b.closed, b.parcels = true, nil
	delete(b.record.boxes, b)
	w.forget(b.record)
}

// leaked ends a session whose owner lost it.
func (w *Writer) leaked(b *inbox) {
	w.stateMu.Lock()
	lost := !b.closed
	if lost {
		w.stats.Leaked++
	}
	w.stateMu.Unlock()
	if lost {
		w.close(b)
		w.options.log.Warn("edit: session lost without Close", "table", b.table.Name)
	}
}

// watch notices when a session's handle is lost.
func watch[T any](handle *T, w *Writer, b *inbox) runtime.Cleanup {
	return runtime.AddCleanup(handle, w.leaked, b)
}

// forget drops a record that nobody needs.
func (w *Writer) forget(r *record) {
	if len(r.boxes) == 0 && r.inflight == nil && r.next == nil && r.key != nil {
		if w.records[recordKey{r.table, r.key}] == r {
			delete(w.records, recordKey{r.table, r.key})
		}
	}
}

// observe takes in what others did to a record: its row, or nil if it is gone.
func (w *Writer) observe(t *Table, key, row any, origin Origin) {
	w.stateMu.Lock()
	defer w.stateMu.Unlock()
	if r := w.records[recordKey{t, key}]; r != nil {
		w.observed(r, row, origin)
	}
}

// moves count what the writer has learnt of rows, by their keys: records are
// forgotten when nobody needs them. Keys that share a count cost a reading more.
type moves struct {
	seed   maphash.Seed
	counts [1024]uint64
}

func (m *moves) of(t *Table, key any) *uint64 {
	return &m.counts[maphash.Comparable(m.seed, recordKey{t, key})%uint64(len(m.counts))]
}

// moved notes that something was learnt of the row. It is called under stateMu.
func (w *Writer) moved(r *record) {
	if r.key == nil {
		return
	}
	if r.moves == nil {
		r.moves = w.moves.of(r.table, r.key)
	}
	*r.moves++
}

// maxReads is how often a row is read of which something is learnt meanwhile.
const maxReads = 10

// read reads a row from the store, which take takes in, under stateMu. If the
// writer or the display has learnt something of the record meanwhile, what was
// read may be older than that, and is read again; at last there is no after, which
// tells what the row was read after.
func (w *Writer) read(ctx context.Context, t *Table, key any, on Display, take func(row any, after func(known any) bool) error) error {
	parts, err := t.plan.SplitKey(key)
	if err != nil {
		return err
	}
	// What is known before a reading is not newer than what is read.
	type knowledge struct {
		moves uint64
		shown any
	}
	know := func() (k knowledge) {
		k.moves = *w.moves.of(t, key)
		if on != nil {
			k.shown, _ = on.Known(key)
		}
		return k
	}
	for tries := 1; ; tries++ {
		w.stateMu.Lock()
		before := know()
		w.stateMu.Unlock()
		row, err := w.store.Read(ctx, t, parts)
		if err != nil {
			return fmt.Errorf("edit: %s: %w", t.Name, err)
		}
		w.stateMu.Lock()
		if same := know() == before; same || tries == maxReads {
			defer w.stateMu.Unlock()
			if !same {
				return take(row, nil)
			}
			return take(row, func(known any) bool { return known == before.shown })
		}
		w.stateMu.Unlock()
	}
}

// observed is observe under the lock.
func (w *Writer) observed(r *record, row any, origin Origin) {
	t := r.table
	if row == nil && r.gone {
		return
	}
	if row != nil && r.base != nil {
		if newer, known := t.newer(row, r.base); known && !newer && !r.gone && (!r.inferred || !t.sameVersion(row, r.base)) {
			return // an echo, or older
		}
	}
	if r.inflight != nil {
		r.heldRow, r.heldGone, r.heldBefore = row, row == nil, false
		return
	}
	if row != nil && r.base != nil && !r.gone {
		if differ := t.plan.Diff(row, r.base); differ.Empty() {
			return
		}
	}
	w.takeIn(r, row, origin)
}

// takeIn makes the row that others wrote the newest known one.
func (w *Writer) takeIn(r *record, row any, origin Origin) {
	w.moved(r)
	if row == nil {
		r.gone = true
		r.tell(parcel{kind: vanished, origin: origin, at: time.Now()})
		return
	}
	r.learn(row)
	r.writer, r.gone = nil, false
	r.tell(parcel{kind: changed, row: row, origin: origin, at: time.Now()})
}
