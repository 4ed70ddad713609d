package feed

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"strings"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/internal/places"
)

// homeSQL is one text that no two databases share, nor two lives of a server: a
// standby that was promoted and the primary whose place it took may be copies
// of each other down to the last byte.
const homeSQL = `(SELECT pg_catalog.concat_ws(' ', (SELECT system_identifier FROM pg_catalog.pg_control_system()), h.oid,
	extract(epoch FROM pg_catalog.pg_postmaster_start_time()), pg_catalog.pg_is_in_recovery())
	FROM pg_catalog.pg_database AS h WHERE h.datname = pg_catalog.current_database())`

// privateSQL tells whether the session has something that no other can have, or
// needs its reads to reach the server: temporary objects, which stand for
// others; session locks, whoever holds one wants to see what is there now;
// serializable transactions, to which reads are part of what they conflict in;
// a search path in which catalogues or the log can be named without a schema.
const privateSQL = `(pg_catalog.pg_is_in_recovery() OR pg_catalog.current_setting('transaction_isolation') = 'serializable'
	OR EXISTS (SELECT FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) AS u(s) WHERE u.s IN ('information_schema', 'livesql') OR pg_catalog.left(u.s::text, 3) = 'pg_' AND u.s <> 'pg_catalog')
	OR pg_catalog.pg_my_temp_schema() <> '0' AND (
		EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace = pg_catalog.pg_my_temp_schema())
		OR EXISTS (SELECT FROM pg_catalog.pg_proc AS c WHERE c.pronamespace = pg_catalog.pg_my_temp_schema())
		OR EXISTS (SELECT FROM pg_catalog.pg_type AS c WHERE c.typnamespace = pg_catalog.pg_my_temp_schema()))
	OR EXISTS (SELECT FROM pg_catalog.pg_locks AS l WHERE l.locktype = 'advisory' AND l.pid = pg_catalog.pg_backend_pid()))`

// settingsSQL sums up who asks, and every setting that a session can have of its
// own and that is not known to be harmless. A custom setting has a dot in its
// name; no result that is kept depends on one.
var settingsSQL = `pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.concat_ws(pg_catalog.chr(10), session_user, current_user,
	(SELECT pg_catalog.string_agg(pg_catalog.concat(s.name, '=', s.setting), pg_catalog.chr(10) ORDER BY s.name) FROM pg_catalog.pg_settings AS s
		WHERE s.context IN ('user', 'superuser', 'backend', 'superuser-backend') AND pg_catalog.strpos(s.name, '.') = 0
		AND pg_catalog.lower(s.name) <> ALL (ARRAY[` + quoteAll(append(dialects.PostgresHarmlessSettings(), ofTransaction...)) + `]))), pg_catalog.getdatabaseencoding())), 'hex')`

// ofTransaction are settings of the present transaction, which is the probe's
// own. The isolation level is looked at by itself.
var ofTransaction = []string{"transaction_isolation", "transaction_read_only", "transaction_deferrable", "default_transaction_isolation"}

var probeSQL = "SELECT " + homeSQL + " || pg_catalog.chr(10) || CASE WHEN " + privateSQL + " THEN '' ELSE " + settingsSQL + " END"

// quoteAll returns a list of text literals.
func quoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, text := range list {
		quoted[i] = quoteText(text)
	}
	return strings.Join(quoted, ", ")
}

// Probe asks a connection of the program where it is, and with which settings,
// in one round trip.
func (d *database) Probe(ctx context.Context, conn sqldriver.Conn) (dialects.Place, error) {
	if d.refused != nil {
		return dialects.Place{}, d.refused // it may be a mock, which must not be asked anything
	}
	text, err := places.Ask(ctx, conn, probeSQL, d.driver.Simple...)
	if err != nil {
		return dialects.Place{}, fmt.Errorf("postgres: asking a connection where it is: %w", err)
	}
	home, settings, _ := strings.Cut(text, "\n")
	place := dialects.Place{Database: d.homes.Number(home)}
	if settings != "" {
		place.Settings = d.sessions.Number(settings)
	}
	return place, nil
}
