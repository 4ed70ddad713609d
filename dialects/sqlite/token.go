package sqlite

import (
	"fmt"

	"github.com/vantage-go/live/listen"
)

var _ listen.Tokens = (*database)(nil)

// tokenFormat has the number of the log, the id of the last row, and the
// version of the schema.
const tokenFormat = "sqlite:1:%x:%d:%d"

// Token returns the end of the log at a cursor, whose ids follow the order of
// commits, and the version of the schema, of which the log does not tell.
func (d *database) Token(c listen.Cursor) (string, error) {
	at, ok := c.(cursor)
	if !ok || at.log == 0 {
		return "", listen.ErrNoTokens
	}
	return fmt.Sprintf(tokenFormat, uint64(at.log), at.id, at.schema), nil
}

// Reached compares the ids of two rows of one log, and two versions of the
// schema, which grow.
func (d *database) Reached(c listen.Cursor, token string) (bool, error) {
	var log uint64
	var id, schema int64
	// Sscanf leaves what follows unread.
	if _, err := fmt.Sscanf(token, tokenFormat, &log, &id, &schema); err != nil || token != fmt.Sprintf(tokenFormat, log, id, schema) {
		return false, &listen.TokenError{Why: "is not one of SQLite"}
	}
	at, ok := c.(cursor)
	if !ok || at.log == 0 {
		return false, listen.ErrNoTokens
	}
	if uint64(at.log) != log {
		return false, &listen.TokenError{Why: "is of another database"}
	}
	return at.id >= id && at.schema >= schema, nil
}
