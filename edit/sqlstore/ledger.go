package sqlstore

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
)

// ledgerTable notes the saves that were done. Nobody captures its changes.
const ledgerTable = dialects.LedgerTable

// WithLedger has the store note each save in the table livesql_saves, in the
// transaction of the save, so that whatever happens to the connection or to the
// process, it can be told whether the save was done. It costs a row for each
// save, and single updates a transaction around them. The table is made by
// [Store.InstallLedger]; old notes are dropped, see [LedgerRetention].
func WithLedger() Option { return func(s *Store) { s.ledger = true } }

// Notes reports whether the store notes saves: see [WithLedger].
func (s *Store) Notes() bool { return s.ledger }

// InstallLedger makes the table of the ledger if it is not there.
func (s *Store) InstallLedger(ctx context.Context) error {
	if there, err := s.HasLedger(ctx); there || err != nil {
		return err
	}
	at, key, index := "TIMESTAMP", "", "CREATE INDEX IF NOT EXISTS "+ledgerTable+"_at ON "+ledgerTable+" (at)"
	switch flavorOf(s.engine) {
	case dialects.Postgres:
		at = "TIMESTAMPTZ"
	case dialects.MySQL: // which makes both at once
		key, index = ", KEY "+ledgerTable+"_at (at)", ""
	default:
	}
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS " + ledgerTable + " (id VARCHAR(64) NOT NULL PRIMARY KEY, row_key VARCHAR(2000) NOT NULL, " +
			"at " + at + " NOT NULL DEFAULT CURRENT_TIMESTAMP" + key + ")", index,
	} {
		if statement == "" {
			continue
		}
		if _, err := s.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("edit: making %s: %w", ledgerTable, err)
		}
	}
	return nil
}

// HasLedger reports whether the table of the ledger is there.
func (s *Store) HasLedger(ctx context.Context) (bool, error) {
	columns, err := describe(ctx, s.db, flavorOf(s.engine), "", ledgerTable)
	if err != nil {
		return false, fmt.Errorf("edit: looking for %s: %w", ledgerTable, err)
	}
	return len(columns) > 0, nil
}

// errNoted is met by a save that was done before.
var errNoted = errors.New("edit: save is noted already")

// ledgerRows bounds the rows of one statement.
const ledgerRows = 100

// note writes down what was done.
func (b *batch) note(ctx context.Context, ops []*edit.Op) error {
	if !b.store.ledger {
		return nil
	}
	var args []any
	flush := func() error {
		if len(args) == 0 {
			return nil
		}
		var text strings.Builder
		text.WriteString("INSERT INTO " + ledgerTable + " (id, row_key) VALUES ")
		for i := range len(args) / 2 {
			if i > 0 {
				text.WriteString(", ")
			}
			text.WriteString("(" + b.engine.placeholder(2*i+1) + ", " + b.engine.placeholder(2*i+2) + ")")
		}
		_, _, err := b.link.exec(ctx, text.String(), args)
		args = args[:0]
		if err != nil && errors.Is(understand(b.engine, err).kind, edit.ErrDuplicate) {
			return errors.Join(errNoted, err)
		}
		return err
	}
	for _, op := range ops {
		o := b.out.of(op)
		if !b.out.has(op) || o.State != edit.Done {
			continue
		}
		key, err := noteKey(op, o.Row)
		if err != nil {
			return err
		}
		for _, id := range unique(op.Saves()) {
			args = append(args, id, key)
			if len(args) >= 2*ledgerRows {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// unique drops names that come twice: a save may have taken another's.
func unique(names []string) []string {
	seen := make(map[string]bool, len(names))
	var kept []string
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			kept = append(kept, n)
		}
	}
	return kept
}

// noteKey is the key of a row as the ledger keeps it.
func noteKey(op *edit.Op, row any) (string, error) {
	key := op.Key()
	if row != nil {
		key = key[:0:0]
		for i := range op.Table.Plan().Key().All() {
			key = append(key, op.Table.Plan().Value(row, i))
		}
	}
	parts := make([]string, len(key))
	n := 0
	for i := range op.Table.Plan().Key().All() {
		if raw, ok := key[n].([]byte); ok {
			parts[n] = "b" + base64.StdEncoding.EncodeToString(raw)
		} else {
			text, _, err := postgresText(&op.Table.Plan().Fields()[i].Column, key[n])
			if err != nil {
				return "", err
			}
			parts[n] = "s" + text
		}
		n++
	}
	b, err := json.Marshal(parts)
	return string(b), err
}

// Noted implements [edit.Ledger].
func (s *Store) Noted(ctx context.Context, saves []string) (map[string]edit.Note, error) {
	if !s.ledger {
		return nil, nil
	}
	notes := make(map[string]edit.Note)
	for len(saves) > 0 {
		n := min(len(saves), ledgerRows)
		if err := s.noted(ctx, saves[:n], notes); err != nil {
			return nil, fmt.Errorf("edit: reading %s: %w", ledgerTable, err)
		}
		saves = saves[n:]
	}
	return notes, nil
}

func (s *Store) noted(ctx context.Context, saves []string, notes map[string]edit.Note) error {
	marks := make([]string, len(saves))
	args := make([]any, len(saves))
	for i, id := range saves {
		marks[i], args[i] = s.engine.placeholder(i+1), id
	}
	query := "SELECT id, row_key FROM " + ledgerTable + " WHERE id IN (" + strings.Join(marks, ", ") + ")"
	l, err := s.take(ctx)
	if err != nil {
		return err
	}
	err = l.query(ctx, query, args, func(rows *sql.Rows) error {
		var id, key string
		if err := rows.Scan(&id, &key); err != nil {
			return err
		}
		var parts []string
		if err := json.Unmarshal([]byte(key), &parts); err != nil {
			return err
		}
		var note edit.Note
		for _, p := range parts {
			if raw, isRaw := strings.CutPrefix(p, "b"); isRaw {
				b, err := base64.StdEncoding.DecodeString(raw)
				if err != nil {
					return err
				}
				note.Key = append(note.Key, b)
				continue
			}
			note.Key = append(note.Key, p[1:])
		}
		notes[id] = note
		return nil
	})
	s.put(l, err != nil && (lost(err) || outdated(err)))
	return err
}
