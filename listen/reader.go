package listen

import (
	"context"
	"time"
)

// What a [Reader] can do besides polling, it shows by further methods.

// Ringer is a reader that hears when something may have been committed.
type Ringer interface {
	// Bell returns a channel that has a value when it rang. It has room for
	// one, further rings are part of it. It is never closed, may be nil, and
	// stays the same for the life of the reader.
	Bell() <-chan struct{}
}

// Announcer is a reader that can ring for others.
type Announcer interface {
	// Announce tells the readers of other processes that this process has
	// committed something. The feed calls it between polls, and not more often
	// than every [AnnounceEvery]. Whether anybody has to be told, the reader
	// knows.
	Announce(ctx context.Context) error
}

// AnnounceEvery is the shortest time between two calls of Announce.
const AnnounceEvery = 20 * time.Millisecond

// Pacer is a reader that knows how its log is best polled.
type Pacer interface {
	// Pace is asked after every poll: it may depend on whether there is a
	// bell that works.
	Pace() Pace
}

// Pace is how a log is polled.
type Pace struct {
	// Min is the time until the next poll after one that found something, or
	// after a ring. Every poll that finds nothing multiplies it by Growth, up
	// to Max.
	Min, Max time.Duration
	Growth   float64
	// Gap is the shortest time between the ends of one poll and the start of
	// the next, whoever asks for it.
	Gap time.Duration
}

// Checker is a reader that does not look at the capture with every poll.
type Checker interface {
	// CheckNext makes the next poll look whether capture is in place. The feed
	// calls it right before a poll that somebody waits for.
	CheckNext()
}

// Describer is a reader that can tell how it hears of changes.
type Describer interface {
	// Describe says it in a few words, for people: "bell gated", "no bell:
	// notifications do not arrive". The feed asks after every poll.
	Describe() string
}

// Tokens is a [Source] whose cursors can be told to other processes.
type Tokens interface {
	// Token returns a text for c, which any process can read that follows the
	// same log.
	Token(c Cursor) (string, error)

	// Reached reports whether everything that the token's cursor had reported,
	// resets too, had also been reported when c was reached. False means that it
	// cannot be proved. The error is a [*TokenError] if the token is not of this log.
	Reached(c Cursor, token string) (bool, error)
}

// TokenError is returned for a token that says nothing about this database.
type TokenError struct {
	// Why says why, for people.
	Why string
}

func (e *TokenError) Error() string { return "listen: the token " + e.Why }
