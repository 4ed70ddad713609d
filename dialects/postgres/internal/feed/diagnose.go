package feed

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vantage-go/live/listen"
)

// When the log is worth a word.
const (
	manyRows  = 1_000_000
	oldRow    = time.Hour
	halfQueue = 0.5
)

// findings collects what diagnose finds.
type findings []listen.Finding

func (f *findings) add(grade listen.Grade, what, do string) {
	*f = append(*f, listen.Finding{Grade: grade, What: what, Do: do})
}

// Diagnose is that of the dialects.
func Diagnose(ctx context.Context, db *sql.DB) ([]listen.Finding, error) {
	var f findings
	err := newWorker(db, 0, 0, nil).reading(ctx, func(q querier) (err error) {
		f, err = diagnose(ctx, q)
		return err
	})
	return f, err
}

func diagnose(ctx context.Context, q querier) (f findings, err error) {
	e, err := loadEnvironment(ctx, q)
	if err != nil {
		return nil, err
	}
	s, err := loadSchema(ctx, q)
	if err != nil {
		return nil, err
	}
	f.server(e)
	if !f.layout(s, e) {
		return f, nil
	}
	if err := f.log(ctx, q, s, e); err != nil {
		return nil, err
	}
	if s.forbidden == "" {
		f.tables(s)
	}
	f.kinds(s)
	return f, nil
}

// environment is what the server says about itself.
type environment struct {
	version    int
	standby    bool
	role       string
	prepared   int     // max_prepared_transactions
	queue      float64 // how full the queue of notifications is
	tempLimit  string
	longestFor time.Duration // that a transaction is open
}

func loadEnvironment(ctx context.Context, q querier) (*environment, error) {
	e := &environment{}
	var seconds float64
	err := q.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, pg_is_in_recovery(), current_user, current_setting('max_prepared_transactions')::int,
		CASE WHEN pg_is_in_recovery() THEN 0 ELSE pg_notification_queue_usage() END, current_setting('temp_file_limit'),
		coalesce((SELECT extract(epoch FROM max(clock_timestamp() - xact_start)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()), 0)`).
		Scan(&e.version, &e.standby, &e.role, &e.prepared, &e.queue, &e.tempLimit, &seconds)
	if err != nil {
		return nil, fmt.Errorf("postgres: asking the server about itself: %w", err)
	}
	e.longestFor = time.Duration(seconds * float64(time.Second))
	return e, nil
}

func (f *findings) server(e *environment) {
	if e.standby {
		f.add(listen.Problem, "the server is a standby, where the change log cannot be followed", "give the feed the address of the primary")
	}
	if e.version < oldestServer {
		f.add(listen.Problem, fmt.Sprintf("the server's version is %d", e.version/10000), fmt.Sprintf("use PostgreSQL %d or later", oldestServer/10000))
	}
	if e.tempLimit != "-1" {
		f.add(listen.Note, "temp_file_limit is "+e.tempLimit+": statements that change very many rows keep copies of them in temporary files until their end, and may fail", "raise temp_file_limit for roles that make bulk changes")
	}
}

// layout reports whether the log can be looked at any further.
func (f *findings) layout(s *schema, e *environment) bool {
	switch {
	case !s.installed:
		f.add(listen.Problem, "there is no change log in this database", "run livesql install as a role that may create schemas and owns the tables")
		return false
	case s.strange != "":
		f.add(listen.Problem, "there is a schema livesql that livesql has not made: "+s.strange, "find out who made it, drop or rename it, and run livesql install; nothing in it is used")
		return false
	case s.forbidden != "":
		f.add(listen.Problem, "role "+e.role+" may not "+s.forbidden, "as the owner of the schema livesql: "+grants(e.role))
	}
	switch {
	case s.version == 0 && s.forbidden != "":
	case s.version > layoutVersion:
		f.add(listen.Problem, fmt.Sprintf("the change log has layout %d, this program knows %d", s.version, layoutVersion), "use a newer version of livesql; until then nothing is cached")
		return false
	case s.version < layoutVersion:
		f.add(listen.Problem, fmt.Sprintf("the change log has layout %d, this program needs %d", s.version, layoutVersion), "run livesql install, which upgrades it")
		return false
	default:
		f.add(listen.Fine, fmt.Sprintf("the change log has layout %d", s.version), "")
	}
	for _, b := range baseFunctions(s.bell) {
		if !b.isIn(s.captures) && s.bell != "" && (!s.newer() || !b.isLike(s.captures)) {
			f.add(listen.Warning, "function livesql."+b.name+" is missing or out of date", "run livesql install")
		}
	}
	return true
}

// grants are the statements that make a role a reader.
func grants(role string) string {
	to := " TO " + quoteName(role) + "; "
	return strings.TrimSpace("GRANT USAGE ON SCHEMA livesql" + to + "GRANT SELECT ON livesql.meta, livesql.epoch, livesql.log" + to +
		"GRANT EXECUTE ON FUNCTION livesql.attend(), livesql.fingerprint(), livesql.prune(interval)" + to)
}

// log looks at the log itself and at its bell.
func (f *findings) log(ctx context.Context, q querier, s *schema, e *environment) error {
	var strangers string
	err := q.QueryRowContext(ctx, `SELECT coalesce(string_agg(DISTINCT pg_get_userbyid(p.proowner), ', '), '') FROM pg_catalog.pg_proc AS p
		JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'log'
		WHERE n.nspname = 'livesql' AND NOT (has_schema_privilege(p.proowner, n.oid, 'USAGE') AND has_table_privilege(p.proowner, c.oid, 'INSERT'))`).Scan(&strangers)
	if err != nil {
		return fmt.Errorf("postgres: looking at the owners of livesql's functions: %w", err)
	}
	if strangers != "" {
		f.add(listen.Problem, "functions of livesql belong to "+strangers+", which may not write to the change log: every write to a captured table fails", "make one role the owner of the schema livesql and of everything in it")
	}
	if s.forbidden != "" && s.version == 0 {
		return nil
	}
	f.bell(s, e)
	hangs, err := truncateHangs(ctx, q)
	if err != nil {
		return err
	}
	if !hangs {
		f.add(listen.Problem, "the trigger is missing or disabled that tells of a truncated change log: TRUNCATE livesql.log would lose changes", "run livesql install")
	}
	rows, oldest, err := logSize(ctx, q)
	if err != nil {
		return err
	}
	var pruned, attended bool
	if err := q.QueryRowContext(ctx, "SELECT (SELECT floor_xid <> '0' FROM livesql.meta), EXISTS (SELECT FROM livesql.epoch)").Scan(&pruned, &attended); err != nil {
		return fmt.Errorf("postgres: reading livesql.meta: %w", err)
	}
	age := time.Since(oldest)
	switch {
	case oldest.IsZero():
		f.add(listen.Fine, "the change log is empty", "")
	case age > oldRow && !pruned:
		f.add(listen.Warning, fmt.Sprintf("the change log was never pruned: about %d rows, the oldest %v old", rows, age.Round(time.Minute)), "let a program with livesql run, or call livesql.prune('10 minutes') now and then")
	case age > oldRow:
		f.add(listen.Warning, fmt.Sprintf("the change log is pruned too slowly: about %d rows, the oldest %v old, the longest transaction open for %v", rows, age.Round(time.Minute), e.longestFor.Round(time.Second)), "end transactions that stay open for long; let a program with livesql run")
	case rows > manyRows:
		f.add(listen.Note, fmt.Sprintf("the change log has about %d rows", rows), "")
	default:
		f.add(listen.Fine, fmt.Sprintf("the change log has about %d rows", rows), "")
	}
	if !attended {
		f.add(listen.Note, "no feed has followed the change log yet, or none since the server crashed", "")
	}
	return nil
}

func (f *findings) bell(s *schema, e *environment) {
	rings := s.bell == listen.BellGated || s.bell == listen.BellEvery
	switch {
	case rings && e.prepared > 0:
		f.add(listen.Warning, fmt.Sprintf("max_prepared_transactions is %d, and a transaction that has rung cannot be prepared: the bell is silent, changes are found by polling", e.prepared), "set max_prepared_transactions to 0 if nothing uses prepared transactions")
	case rings && e.queue >= halfQueue:
		f.add(listen.Warning, fmt.Sprintf("the server's queue of notifications is %.0f %% full: the bell is silent", 100*e.queue), "end the session that listens but stays in a transaction: see pg_stat_activity")
	case s.bell == listen.BellPoll || s.bell == listen.BellApp:
		f.add(listen.Note, "the bell is "+string(s.bell)+": the database itself does not ring", "")
	default:
		f.add(listen.Fine, "the bell is "+string(s.bell), "")
	}
}

// tables looks at how tables are covered.
func (f *findings) tables(s *schema) {
	var covered int
	var without []string
	for _, r := range s.relations {
		if r.harmed() {
			f.add(listen.Problem, "table "+r.table.String()+" has capture triggers, and writes to the foreign table "+r.foreignBelow().table.String()+" below it fail", "run livesql install, which drops them")
		}
		if !r.capturable() {
			continue
		}
		why := r.uncaptured(s)
		switch {
		case why == "":
			covered++
			if o := s.object(r); !o.Covered {
				f.add(listen.Note, "table "+r.table.String()+" is captured, but what reads it is not cached: "+o.Why, "")
			}
			if r.untriggered(s) != "" && r.hides() {
				f.add(listen.Warning, "table "+r.table.String()+" has row-level security, and the change log shows the keys of its rows to all readers", "run livesql install --table "+r.table.String())
			}
			if r.whole != "" {
				f.add(listen.Note, "changes of table "+r.table.String()+" mark it as a whole: "+r.whole, "")
			}
		case r.hasCaptures():
			f.add(listen.Problem, "table "+r.table.String()+" is not covered: "+why, "run livesql install --table "+r.table.String())
		default:
			without = append(without, r.table.String())
		}
	}
	if len(without) > 0 {
		f.add(listen.Note, fmt.Sprintf("%d tables are not captured: %s", len(without), some(without)), "run livesql install for those whose reads are to be cached")
	}
	grade := listen.Fine
	if covered == 0 {
		grade = listen.Warning
	}
	f.add(grade, fmt.Sprintf("%d tables are covered", covered), "")
}

// kinds looks at relations that cannot be captured, or not in the usual way.
func (f *findings) kinds(s *schema) {
	names := make(map[string][]string)
	var subscribed, mixed []string
	for _, r := range s.relations {
		name := r.table.String()
		switch {
		case r.kind == materializedView || r.kind == foreignTable:
			names[r.obstacle()] = append(names[r.obstacle()], name)
		case r.foreignBelow() != nil:
			mixed = append(mixed, name)
		case r.kind == ordinaryTable && !r.capturable() && !r.isLedger() && !slices.ContainsFunc(r.above(), func(t *relation) bool { return t.foreignBelow() != nil }):
			subscribed = append(subscribed, name)
		}
		if r.unlogged && r.kind == ordinaryTable {
			names["unlogged"] = append(names["unlogged"], name)
		}
	}
	for _, kind := range []relationKind{materializedView, foreignTable} {
		why := (&relation{kind: kind}).obstacle()
		if list := names[why]; len(list) > 0 {
			f.add(listen.Note, some(list)+" cannot be captured, since "+why, "what reads it is not cached")
		}
	}
	if len(mixed) > 0 {
		f.add(listen.Note, some(mixed)+" cannot be captured: a foreign table has part of the rows, and writes to it would fail if there were triggers that look at them", "what reads it or the tables below it is not cached")
	}
	if len(subscribed) > 0 {
		f.add(listen.Note, some(subscribed)+" cannot be captured: a subscription writes to it, for which no statement trigger fires", "cache on the publisher instead; what reads it here is not cached")
	}
	if list := names["unlogged"]; len(list) > 0 {
		f.add(listen.Note, "unlogged, and empty after a crash of the server, upon which feeds start afresh: "+some(list), "")
	}
}

// some lists the first of many names.
func some(names []string) string {
	const most = 10
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
