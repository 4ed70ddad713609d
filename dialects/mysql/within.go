package mysql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/vantage-go/live/listen"
)

var _ listen.Keeper = (*database)(nil)

// DeltaIn reads the log in a transaction with repeatable reads. Its snapshot is
// as good as that of a poll, whose proof asks only that there is one: see
// cursor.go.
func (d *database) DeltaIn(ctx context.Context, tx *sql.Tx, since listen.Cursor) (delta listen.Delta, err error) {
	last, ok := since.(cursor)
	if !ok || last.known == nil || !last.known.installed {
		return delta, errors.New("mysql: the cursor is not one of a change log")
	}
	delta.Unchecked = true
	v, at, err := readLog(ctx, tx, last.on, last.batch, d.limit+len(last.early))
	if err != nil {
		return delta, err
	}
	delta.Reset = last.broken(at, v.head)
	switch {
	case delta.Reset != "":
	case v.more:
		delta.Changes = last.known.everything()
	default:
		_, fresh := last.after(v)
		delta.Changes, _ = last.known.changes(fresh)
	}
	return delta, nil
}

// kept is a cursor that outlives the process.
type kept struct {
	Token          token
	Schema, Tables string
}

// Keep returns the cursor's place, and what was captured then. Without the
// right to see the ids of InnoDB's tables there is none: nothing would tell of
// a TRUNCATE.
func (d *database) Keep(c listen.Cursor) ([]byte, error) {
	at, ok := c.(cursor)
	switch {
	case !ok || at.at.epoch == "" || at.partial || len(at.early) > tokenEarly:
		return nil, errNoToken
	case at.tables == "":
		return nil, errors.New("mysql: without the PROCESS right, a TRUNCATE would not be noticed")
	}
	return json.Marshal(kept{
		Token: token{
			Server: at.at.server, Boot: at.at.boot, Epoch: []byte(at.at.epoch),
			Batch: at.batch, Early: slices.Sorted(maps.Keys(at.early)),
		},
		Schema: at.schema, Tables: at.tables,
	})
}

// Resume returns the place.
func (d *database) Resume(text []byte, now listen.Cursor) (listen.Cursor, error) {
	at, ok := now.(cursor)
	if !ok || at.at.epoch == "" {
		return nil, errNoToken
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return nil, fmt.Errorf("mysql: the cursor that was kept is damaged: %w", err)
	}
	last := at
	last.at = place{server: k.Token.Server, boot: k.Token.Boot, epoch: string(k.Token.Epoch)}
	last.batch, last.partial, last.early = k.Token.Batch, false, make(map[uint64]struct{}, len(k.Token.Early))
	for _, id := range k.Token.Early {
		last.early[id] = struct{}{}
	}
	switch why := last.elsewhere(at.at); {
	case why != "":
		return nil, errors.New("mysql: " + why)
	case last.at.epoch != at.at.epoch:
		return nil, errors.New("mysql: the change log was created anew")
	case k.Schema != at.schema || k.Tables != at.tables || k.Tables == "":
		return nil, errors.New("mysql: tables were created, changed or emptied")
	}
	return last, nil
}
