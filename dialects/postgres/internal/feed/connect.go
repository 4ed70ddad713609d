package feed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/vantage-go/live/internal/turn"
	"github.com/vantage-go/live/listen"
)

// StandbyError is returned while the feed is connected to a standby. The log
// can be read there, but not exactly: a standby does not say which
// transactions are running.
type StandbyError struct{}

func (*StandbyError) Error() string {
	return "postgres: the server is a standby; the feed needs the primary"
}

// presence is what there is of a log.
type presence string

const (
	absent    presence = "absent"
	forbidden presence = "forbidden"
	present   presence = "present"
	strange   presence = "strange"
)

// presenceSQL looks for a log that may be read. It is one scalar expression.
const presenceSQL = `CASE WHEN ` + strangeSQL + ` <> '' THEN 'strange' ELSE coalesce((SELECT CASE WHEN has_schema_privilege(n.oid, 'USAGE') AND bool_and(has_table_privilege(c.oid, 'SELECT'))
		AND coalesce((SELECT bool_and(has_function_privilege(p.oid, 'EXECUTE')) FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid AND p.proname IN ('attend', 'fingerprint')), true) THEN 'present' ELSE 'forbidden' END
	FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r' AND c.relname IN ('log', 'meta', 'epoch')
	WHERE n.nspname = 'livesql' GROUP BY n.oid HAVING count(*) = 3), 'absent') END`

// greeting is the first statement of a connection.
const greeting = `SELECT pg_is_in_recovery()::text, current_setting('server_version_num'),
	(SELECT system_identifier::text FROM pg_control_system()), d.oid::text, current_setting('max_prepared_transactions'), ` + homeSQL + `, ` + presenceSQL + `,
	(current_setting('default_transaction_isolation') <> 'read committed' OR current_setting('default_transaction_read_only') = 'on')::text
	FROM pg_catalog.pg_database d WHERE d.datname = current_database()`

// oldest is the first version with all that capture needs.
const oldest = "140000"

func connect(ctx context.Context, d *database) (_ *reader, err error) {
	r := &reader{db: d, turn: turn.New(), closed: make(chan struct{})}
	r.wires = &wires{driver: d.driver, connector: d.connector}
	r.pool = r.wires.open()
	r.bell = newBell(d.driver, d.connector, d.times)
	r.pruned = time.Now().Add(-rand.N(pruneEvery))
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	defer context.AfterFunc(ctx, r.wires.cutAll)()
	// Given back, a connection is closed: whoever shares a pool of the
	// program's with the feed must not get one that listens.
	r.pool.SetMaxIdleConns(-1)
	if r.conn, err = r.pool.Conn(ctx); err != nil {
		return nil, fmt.Errorf("postgres: connecting: %w", err)
	}
	var standby, version, prepared, home, unusual string
	err = r.own().QueryRowContext(ctx, greeting).Scan(&standby, &version, &r.place.sysid, &r.place.dboid, &prepared, &home, &r.found, &unusual)
	switch {
	case sqlState(err) == "42883": // undefined_function
		return nil, &listen.NoLogError{Why: "the server is not PostgreSQL, but speaks its language: " + err.Error()}
	case err != nil:
		return nil, fmt.Errorf("postgres: asking for the server: %w", err)
	case standby == "true":
		return nil, &StandbyError{}
	case len(version) < len(oldest) || len(version) == len(oldest) && version < oldest:
		return nil, &listen.NoLogError{Why: "PostgreSQL is older than version 14"}
	}
	r.prepares, r.unusual = prepared != "0", unusual == "true"
	d.identity.Store(d.homes.Number(home))
	return r, nil
}

// look looks again for a log that was not there.
func (r *reader) look(ctx context.Context) error {
	if err := r.own().QueryRowContext(ctx, "SELECT "+presenceSQL).Scan(&r.found); err != nil {
		return fmt.Errorf("postgres: looking for the change log: %w", err)
	}
	switch r.found {
	case absent, present:
	case strange:
		return errors.New("postgres: there is a schema livesql that livesql has not made; livesql doctor says more, and nothing in it is used")
	case forbidden:
		return errors.New("postgres: the role of the feed may not read the change log: it needs USAGE on schema livesql, SELECT on its tables and EXECUTE on livesql.attend() and livesql.fingerprint()")
	}
	return nil
}

// unlogged is the answer of a database without a log.
func (r *reader) unlogged(since listen.Cursor) (listen.Delta, error) {
	last, _ := since.(cursor)
	delta := listen.Delta{Cursor: cursor{place: r.place}}
	switch {
	case since == nil:
		delta.Reset = "the feed has started"
	case last.place != r.place:
		delta.Reset = "the database is another one"
	case last.logged():
		delta.Reset = "livesql has been uninstalled from this database"
	}
	if r.db.fingerprint != "" {
		r.db.publish(noSchema(), "")
	}
	r.db.auto = r.db.always // what the log said went with it
	return delta, nil
}
