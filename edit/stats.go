package edit

import "time"

// Event tells what became of one operation of the writer.
type Event struct {
	Table    string
	Kind     OpKind
	Key      any // nil for a new record that has none
	State    State
	Err      error
	Attempts int
}

// Stats are counts since the writer was made, and what is so now.
type Stats struct {
	Accepted  uint64 // saves
	Coalesced uint64 // of them joined one that waited already
	Withdrawn uint64 // of them were taken back before they were sent
	Done      uint64
	Failed    uint64
	Conflicts uint64
	Sent      uint64 // operations, those sent again included
	Retries   uint64
	Unknown   uint64 // operations whose outcome had to be looked up
	Batches   uint64
	Largest   int // batch, in operations
	Busy      time.Duration
	LastSent  time.Time
	Leaked    uint64 // sessions that were lost without Close

	Records     int // that are edited or saved
	Queued      int // operations
	QueuedBytes int
	InFlight    int
	Slow        int           // operations that wait for locked rows
	Away        time.Duration // since when the database cannot be reached
}

func (s *Stats) flush(rows int, took time.Duration) {
	if rows == 0 {
		return
	}
	s.Batches++
	s.Largest = max(s.Largest, rows)
	s.Busy += took
}

// Stats returns the writer's counts.
func (w *Writer) Stats() Stats {
	w.stateMu.Lock()
	defer w.stateMu.Unlock()
	s := w.stats
	s.Records = len(w.records)
	s.Queued, s.QueuedBytes, s.InFlight = w.queue.len, w.bytes, len(w.fast.batch)+len(w.slow.batch)
	s.Slow = w.queue.slow
	if !w.outage.since.IsZero() {
		s.Away = time.Since(w.outage.since)
	}
	return s
}
