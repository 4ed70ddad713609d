package cache

import "sync/atomic"

// worth tells whether it pays to keep the results of a statement. To record and
// keep one costs the read something, which only a hit pays back; where writes are
// so frequent that results are nearly always out of date before somebody asks
// again, nothing does.
//
//	trying ─ of the last results hardly one was asked for before it was killed ─→ resting
//	   ↑                                                                            │
//	   └──── so many executions later, each time twice as many ─────────────────────┘
//
// Only results that a change has killed count. One that made room for others says
// something of the store, and not of the statement.
type worth struct {
	// ended and wasted count results that were killed, and those of them that
	// nobody had asked for, in the present window.
	ended, wasted atomic.Int32
	// rests counts down the executions that are not recorded.
	rests atomic.Int32
	// pause is for how many executions the statement rested last, 0 if not since
	// it was worth it.
	pause atomic.Int32
}

const (
	// worthWindow is how many results tell. After a rest fewer do: what was true
	// of the statement before is likely.
	worthWindow = 64
	retryWindow = 16
	// One hit in so many results pays for them: it saves a whole read, of which
	// recording is a small part.
	worthOneIn  = 16
	firstRest   = 256
	longestRest = 1 << 14
)

// rest reports whether this execution is not recorded.
func (w *worth) rest() bool {
	return w.rests.Load() > 0 && w.rests.Add(-1) >= 0
}

// resting reports whether the next execution would not be recorded.
func (w *worth) resting() bool { return w.rests.Load() > 0 }

// killed notes that a change has killed a result, and whether it was ever asked
// for. It reports whether the statement rests from now on.
func (w *worth) killed(used bool) bool {
	window := int32(worthWindow)
	if w.pause.Load() > 0 {
		window = retryWindow
	}
	wasted := w.wasted.Load()
	if !used {
		wasted = w.wasted.Add(1)
	}
	ended := w.ended.Add(1)
	if ended < window {
		return false
	}
	// Several at a time may come here; the window that one of them begins is as
	// good as another's.
	w.ended.Store(0)
	w.wasted.Store(0)
	if ended-wasted > window/worthOneIn {
		w.pause.Store(0)
		return false
	}
	pause := min(max(2*w.pause.Load(), firstRest), longestRest)
	w.pause.Store(pause)
	w.rests.Store(pause)
	return true
}
