package table

// State tells how far a live table can be trusted.
type State uint8

// The states of a live table. Its rows can be read in each of them, once they
// are loaded.
const (
	// Loading: the rows are not there yet.
	Loading State = iota
	// Live: changes arrive.
	Live
	// Suspect: nothing was heard for longer than the lease.
	Suspect
	// Lost: changes do not arrive at present, or rows cannot be read. What is
	// shown is what was last known.
	Lost
	// Closed: the table does not follow anything any more.
	Closed
)

func (s State) String() string {
	switch s {
	case Loading:
		return "loading"
	case Live:
		return "live"
	case Suspect:
		return "suspect"
	case Lost:
		return "lost"
	case Closed:
		return "closed"
	}
	return "unknown"
}
