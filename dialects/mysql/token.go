package mysql

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/vantage-go/live/listen"
)

const tokenPrefix = "livesql-mysql-1."

// token is a cursor that travels.
type token struct {
	Server string   `json:"s"`
	Boot   int64    `json:"b"`
	Epoch  []byte   `json:"e"`
	Batch  uint64   `json:"n"`
	Early  []uint64 `json:"i,omitempty"`
}

// errNoToken is returned for a cursor that cannot be told.
var errNoToken = errors.New("mysql: the cursor is not one of a change log, or it follows a flood of changes; take the next one")

// Token returns a text for c. There is none right after a poll that found too
// many changes to read them one by one: it does not say which they were.
func (d *database) Token(c listen.Cursor) (string, error) {
	at, ok := c.(cursor)
	if !ok || at.at.epoch == "" || at.partial {
		return "", errNoToken
	}
	text, err := json.Marshal(token{
		Server: at.at.server, Boot: at.at.boot, Epoch: []byte(at.at.epoch),
		Batch: at.batch, Early: slices.Sorted(maps.Keys(at.early)),
	})
	if err != nil {
		return "", err
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(text), nil
}

// Reached reports whether c provably reports everything that the token's
// cursor had reported: all its batches, and each of its rows that had none,
// as one that still has none or as one that was stamped not long ago.
func (d *database) Reached(c listen.Cursor, text string) (bool, error) {
	at, ok := c.(cursor)
	if !ok || at.at.epoch == "" {
		return false, nil
	}
	encoded, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok {
		return false, &listen.TokenError{Why: "is not one of MySQL's"}
	}
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return false, &listen.TokenError{Why: "is damaged"}
	}
	var t token
	if err := json.Unmarshal(raw, &t); err != nil {
		return false, &listen.TokenError{Why: "is damaged"}
	}
	switch {
	case t.Server != at.at.server:
		return false, &listen.TokenError{Why: "is of another server"}
	case !sameBoot(t.Boot, at.at.boot):
		return false, &listen.TokenError{Why: "was made before the server was started"}
	case string(t.Epoch) != at.at.epoch:
		return false, &listen.TokenError{Why: "is of another change log"}
	}
	if at.batch < t.Batch {
		return false, nil
	}
	for _, id := range t.Early {
		if _, ok := at.early[id]; !ok && !at.recent.has(id) {
			return false, nil
		}
	}
	return true, nil
}
