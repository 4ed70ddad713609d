package feed

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vantage-go/live/listen"
)

var _ listen.Keeper = (*database)(nil)

// DeltaIn asks the question of a poll in a transaction with repeatable reads:
// pg_current_snapshot() is that of the transaction there, and all of its
// statements see what the question does.
func (d *database) DeltaIn(ctx context.Context, tx *sql.Tx, since listen.Cursor) (delta listen.Delta, err error) {
	last, ok := since.(cursor)
	if !ok || !last.logged() {
		return delta, errors.New("postgres: the cursor is not one of a change log")
	}
	delta.Unchecked = true
	a, err := ask(ctx, tx, question(last, false), d.driver.Simple)
	switch {
	case err != nil:
		return delta, err
	case a.version != layoutVersion:
		return delta, fmt.Errorf("postgres: the change log has layout %d, and this version of livesql knows layout %d", a.version, layoutVersion)
	}
	if delta.Reset = a.gap(last); delta.Reset != "" {
		return delta, nil
	}
	c := newCollector(last.schema)
	for _, row := range a.rows {
		c.add(row)
	}
	if c.unknown {
		// Its rows may be those of a partitioned table that the cursor knows.
		delta.Reset = "a table has been created"
		return delta, nil
	}
	delta.Changes = c.changes()
	return delta, nil
}

// kept is a cursor that outlives the process.
type kept struct {
	Sysid, Dboid, Epoch, Snapshot, Fingerprint string
	Prepared                                   []uint64 `json:",omitempty"`
}

// Keep returns the cursor's place, and what was captured then.
func (d *database) Keep(c listen.Cursor) ([]byte, error) {
	at, ok := c.(cursor)
	if !ok || !at.logged() || at.fingerprint == "" {
		return nil, errors.New("postgres: the cursor is not one of a change log")
	}
	return json.Marshal(kept{at.place.sysid, at.place.dboid, at.epoch, at.snapshot.String(), at.fingerprint, at.prepared})
}

// Resume returns the place. The epoch is another one after whatever makes the
// numbers of transactions mean something else.
func (d *database) Resume(text []byte, now listen.Cursor) (listen.Cursor, error) {
	at, ok := now.(cursor)
	if !ok || !at.logged() || at.fingerprint == "" {
		return nil, errors.New("postgres: the cursor is not one of a change log")
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return nil, fmt.Errorf("postgres: the cursor that was kept is damaged: %w", err)
	}
	snapshot, err := parseSnapshot(k.Snapshot)
	last := cursor{place: place{k.Sysid, k.Dboid}, epoch: k.Epoch, snapshot: snapshot, prepared: k.Prepared, schema: at.schema, fingerprint: at.fingerprint}
	switch {
	case err != nil:
		return nil, err
	case last.place != at.place:
		return nil, errors.New("postgres: the cursor that was kept is of another database")
	case last.epoch != at.epoch:
		return nil, errors.New("postgres: the server has crashed, or was restored or replaced")
	case k.Fingerprint != at.fingerprint:
		return nil, errors.New("postgres: what is captured has changed")
	}
	return last, nil
}
