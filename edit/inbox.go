package edit

import "time"

// inbox is the part of a session that the writer knows. What happens to the
// session's record is put into it, and taken out by the session's owner. It
// does not point to the session, which can thus be found to be lost. Its
// fields are guarded by Writer.stateMu.
type inbox struct {
	table   *Table
	record  *record
	parcels []parcel
	open    int // saves that have not ended
	closed  bool
	created bool   // the record is in the database, as far as is known
	made    string // the save that makes the record
	name    string // names the session in the outbox
	last    error
	keyOf   func(row any) (any, error)
	display Display // nil if nothing shows what is saved
}

// parcel is something that happened.
type parcel struct {
	kind   parcelKind
	part   *part // the session's save that it is about
	row    any   // immutable
	err    error
	origin Origin
	at     time.Time
}

type parcelKind uint8

const (
	acked parcelKind = iota
	refused
	withdrawn
	changed // by others
	vanished
)

func (b *inbox) put(p parcel) {
	if b.closed {
		return
	}
	// Of what others did, only the last counts.
	if n := len(b.parcels); n > 0 && p.part == nil && b.parcels[n-1].part == nil {
		b.parcels[n-1] = p
		return
	}
	b.parcels = append(b.parcels, p)
}

// origin is whose the newest known row of the record is.
func (b *inbox) origin() Origin {
	if b.record.writer == nil || b.record.writer == b {
		return Remote
	}
	return Local
}

// record is what the writer knows of one row that is being edited. Its fields
// are guarded by Writer.stateMu.
type record struct {
	table    *Table
	key      any // nil until the row is created
	base     any // newest known row
	writer   *inbox
	inflight *Op
	next     *Op
	boxes    map[*inbox]struct{}
	moves    *uint64 // its count in Writer.moves, once it is known
	gone     bool
	given    bool // base was brought by the caller of a session, who may not have read all of it
	inferred bool // base was not read, but follows from what was and from what was saved

	// heldRow is what others wrote while an operation was under way: it may be
	// the echo of that operation, or older.
	heldRow    any
	heldGone   bool // others deleted the row meanwhile
	heldBefore bool // the operation was sent after that
}

// learn makes a row that was read the newest known one.
func (r *record) learn(row any) { r.base, r.given, r.inferred = row, false, false }

// lost notes that an operation has found the row gone, or deleted it: what others wrote
// before it was sent is older than that.
func (r *record) lost() {
	r.gone = true
	if r.heldBefore {
		r.heldRow, r.heldGone = nil, false
	}
}

// tell puts a parcel into the inboxes of all sessions but those of some saves.
func (r *record) tell(p parcel, but ...*part) {
	if len(r.boxes) == 1 && len(but) == 1 {
		if _, own := r.boxes[but[0].box]; own {
			return
		}
	}
	for b := range r.boxes {
		told := false
		for _, x := range but {
			told = told || x.box == b
		}
		if !told {
			b.put(p)
		}
	}
}
