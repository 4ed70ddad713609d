package sqlite

import (
	"fmt"

	"github.com/vantage-go/live/listen"
)

var _ listen.Tokens = (*database)(nil)

// tokenFormat has the number of the log, and the id of the last row.
const tokenFormat = "sqlite:1:%x:%d"

// Token returns the end of the log at a cursor. Ids follow the order of
// commits.
func (d *database) Token(c listen.Cursor) (string, error) {
	at, ok := c.(cursor)
	if !ok || at.log == 0 {
		return "", listen.ErrNoTokens
	}
	return fmt.Sprintf(tokenFormat, uint64(at.log), at.id), nil
}

// Reached compares the ids of two rows of one log.
func (d *database) Reached(c listen.Cursor, token string) (bool, error) {
	var log uint64
	var id int64
	// Sscanf leaves what follows unread.
	if _, err := fmt.Sscanf(token, tokenFormat, &log, &id); err != nil || token != fmt.Sprintf(tokenFormat, log, id) {
		return false, &listen.TokenError{Why: "is not one of SQLite"}
	}
	at, ok := c.(cursor)
	if !ok || at.log == 0 {
		return false, listen.ErrNoTokens
	}
	if uint64(at.log) != log {
		return false, &listen.TokenError{Why: "is of another database"}
	}
	return at.id >= id, nil
}
