package listen

import "fmt"

// State tells how far the feed can be trusted.
type State uint8

// The states of a feed.
//
//	Cold → Live → Suspect → Lost → CatchingUp → Live
//
// A reset passes through Live: it voids what was known and starts afresh.
const (
	// Cold: no poll has succeeded yet.
	Cold State = iota
	// Live: the last poll was sent less than a lease ago and was applied.
	Live
	// Suspect: the lease is over and a poll is still outstanding.
	Suspect
	// Lost: the connection failed; the cursor is kept.
	Lost
	// CatchingUp: connected again, the delta since the cursor is being read.
	CatchingUp
	// Off: the database has no change log; the feed does nothing.
	Off
	// Closed: the feed has ended.
	Closed
)

func (s State) String() string {
	switch s {
	case Cold:
		return "cold"
	case Live:
		return "live"
	case Suspect:
		return "suspect"
	case Lost:
		return "lost"
	case CatchingUp:
		return "catching up"
	case Off:
		return "off"
	case Closed:
		return "closed"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}
