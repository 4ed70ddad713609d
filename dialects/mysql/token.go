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

// The most that a token holds, and its longest text: it travels with requests.
const (
	tokenEarly = 128
	tokenLimit = 8192
)

// errNoToken is returned for a cursor that cannot be told.
var errNoToken = errors.New("mysql: the cursor is not one of a change log, or it follows a flood of changes; take a later one")

// Token returns a text for c, of at most some 5 kB. There is none for a poll
// that found too many changes to read them one by one, which does not say which
// they were, nor while too many of them have no batch: a later cursor has one.
// It tells of rows of the log alone: what leaves none, as a TRUNCATE, is not
// covered.
func (d *database) Token(c listen.Cursor) (string, error) {
	at, ok := c.(cursor)
	if !ok || at.at.epoch == "" || at.partial || len(at.early) > tokenEarly {
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
// cursor had reported. Heads are in the order of the snapshots that show them:
// with a higher batch, c's snapshot is the younger one and holds all that the
// other held. With the same, it does if it holds the same rows without a batch.
// What was reached stays reached.
func (d *database) Reached(c listen.Cursor, text string) (bool, error) {
	at, ok := c.(cursor)
	if !ok || at.at.epoch == "" {
		return false, nil
	}
	encoded, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok {
		return false, &listen.TokenError{Why: "is not one of MySQL's"}
	}
	if len(text) > tokenLimit {
		return false, &listen.TokenError{Why: "is too long"}
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
	if at.batch != t.Batch {
		return at.batch > t.Batch, nil
	}
	for _, id := range t.Early {
		if _, ok := at.early[id]; !ok {
			return false, nil
		}
	}
	return true, nil
}
