package feed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/vantage-go/live/listen"
)

// tokenVersion begins every token.
const tokenVersion = "pg2"

var _ listen.Tokens = (*database)(nil)

// Token tells a cursor to other processes: which server, database and log it
// is of, the snapshot, and what was captured. A cursor of a database without a
// log has none.
func (d *database) Token(c listen.Cursor) (string, error) {
	at, ok := c.(cursor)
	if !ok || !at.logged() {
		return "", &listen.TokenError{Why: "cannot be made: livesql is not installed in this database"}
	}
	return strings.Join([]string{tokenVersion, at.place.sysid, at.place.dboid, at.epoch, at.snapshot.String(), at.capture()}, "/"), nil
}

// capture stands for the fingerprint, which is long.
func (c cursor) capture() string {
	sum := sha256.Sum256([]byte(c.fingerprint))
	return hex.EncodeToString(sum[:captureSize])
}

const captureSize = 8

// Reached compares two snapshots of one server: see [snapshot.covers]. Tokens
// from before a crash of the server, and those of after one that this process
// has not noticed yet, are not reached: what their transactions did cannot be
// told from snapshots of another epoch.
//
// A change of the schema leaves no row in the log. Whoever made the token knows
// of it. So c must, too: by the same fingerprint, or by a look at the capture
// since.
func (d *database) Reached(c listen.Cursor, token string) (bool, error) {
	parts := strings.Split(token, "/")
	if len(parts) != 6 || parts[0] != tokenVersion || len(parts[5]) != hex.EncodedLen(captureSize) {
		return false, &listen.TokenError{Why: "is not one of this version of livesql for PostgreSQL"}
	}
	of := place{sysid: parts[1], dboid: parts[2]}
	snap, err := parseSnapshot(parts[4])
	if err != nil {
		return false, &listen.TokenError{Why: fmt.Sprintf("is damaged: %v", err)}
	}
	at, ok := c.(cursor)
	if !ok || !at.logged() {
		return false, nil // nothing is known yet
	}
	if at.place != of {
		return false, &listen.TokenError{Why: "is of another database"}
	}
	return at.epoch == parts[3] && at.snapshot.covers(snap) && (at.checked.covers(snap) || at.capture() == parts[5]), nil
}
