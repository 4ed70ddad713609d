package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/vantage-go/live/listen"
)

// Diagnose looks at everything that the feed depends on, as the account of db
// sees it.
func (Dialect) Diagnose(ctx context.Context, db *sql.DB) (_ []listen.Finding, err error) {
	s, err := openSession(ctx, db, 0, 0, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	d := &diagnosis{session: s}
	if err := d.serverFindings(ctx); err != nil {
		return nil, err
	}
	on, err := loadSchema(ctx, s.conn, s.server)
	var old *listen.NoLogError
	switch {
	case errors.As(err, &old):
		d.add(listen.Problem, old.Why, "run livesql install of the newest version that is in use")
		return d.findings, nil
	case err != nil:
		return nil, err
	}
	d.tableFindings(on)
	if on.mark.tables == "" {
		d.add(listen.Warning, "this account lacks the PROCESS right: when others TRUNCATE a table or exchange a partition, it goes unnoticed",
			"GRANT PROCESS ON *.* to the account of the feed, or take DROP from those of the programs")
	} else {
		d.add(listen.Fine, "with the PROCESS right, a TRUNCATE by others is noticed", "")
	}
	if s.server.hidesRoles {
		d.add(listen.Note, "this account sees no rights but its own: when another account loses the right to read, its programs may go on reading from memory what is kept",
			"let programs and feed use one account; or GRANT SELECT ON mysql.* to the account of the feed")
	} else {
		d.add(listen.Fine, "with SELECT on the database mysql, a REVOKE from any account is noticed", "")
	}
	if on.installed {
		if err := d.logFindings(ctx, on); err != nil {
			return nil, err
		}
	}
	return d.findings, nil
}

type diagnosis struct {
	session  *session
	findings []listen.Finding
}

func (d *diagnosis) add(grade listen.Grade, what, do string) {
	d.findings = append(d.findings, listen.Finding{Grade: grade, What: what, Do: do})
}

func (d *diagnosis) serverFindings(ctx context.Context) error {
	on := d.session.server
	product := "MySQL"
	if on.maria {
		product = "MariaDB"
	}
	d.add(listen.Fine, fmt.Sprintf("the server is %s %s", product, on.version), "")
	var identity string
	if err := one(ctx, d.session.conn, "SELECT "+on.identity, &identity); err != nil {
		return fmt.Errorf("mysql: asking for the server's identity: %w", err)
	}
	if _, readOnly := splitIdentity(identity); readOnly {
		d.add(listen.Problem, "the server is read-only, so probably a replica", "connect the feed to the primary (FeedDSN)")
	}
	if on.replica {
		d.add(listen.Problem, "the server is a replica", "connect the feed to the primary (FeedDSN)")
	}
	if on.cluster != "" {
		d.add(listen.Problem, on.cluster, "")
	}
	if on.autoinc == "0" {
		d.add(listen.Warning, "innodb_autoinc_lock_mode is 0: statements that write to captured tables wait for each other on the ids of the change log", "set innodb_autoinc_lock_mode to 1 or 2")
	}
	if !on.skips {
		d.add(listen.Note, "the server knows no SKIP LOCKED; stampers use GET_LOCK instead", "")
	}
	switch on.binlog {
	case "":
	case "STATEMENT":
		d.add(listen.Problem, "binlog_format is STATEMENT: the log cannot be stamped under READ COMMITTED, and captured writes warn that they are unsafe", "set binlog_format to ROW or MIXED")
	default:
		d.add(listen.Fine, "binlog_format is "+on.binlog, "")
	}
	if !on.trusts {
		d.add(listen.Note, "with binary logging on, creating triggers needs SUPER", "set log_bin_trust_function_creators to 1 where the installing account lacks it")
	}
	if on.flush != "1" {
		d.add(listen.Note, "innodb_flush_log_at_trx_commit is "+on.flush+": a crash of the machine can undo commits that were answered from the cache; the feed starts afresh after every restart", "")
	}
	return nil
}

func (d *diagnosis) tableFindings(on *schema) {
	if !on.installed {
		d.add(listen.Problem, "livesql is not installed in database "+on.server.database+", or this account has no rights on its tables", "run livesql install; or grant SELECT and TRIGGER on the database to the account of the feed")
		return
	}
	covered, whole := 0, 0
	for _, t := range on.tables {
		switch why := on.uncovered(t); {
		case why == "":
			covered++
			if whyWhole(t.key) != "" {
				whole++
				d.add(listen.Note, fmt.Sprintf("table %s: every change marks the whole table: %s", t.name, whyWhole(t.key)), "")
			}
		case t.uncapturable() != "":
			d.add(listen.Note, fmt.Sprintf("table %s is not captured: %s", t.name, why), "")
		default:
			d.add(listen.Warning, fmt.Sprintf("table %s is not captured: %s", t.name, why), "run livesql install")
		}
	}
	d.add(listen.Fine, fmt.Sprintf("%d of %d tables are captured, %d of them as a whole", covered, len(on.tables), whole), "")
	if len(on.definers) > 0 {
		d.add(listen.Note, "the capture triggers run as "+strings.Join(on.definers, ", "),
			"keep the account and its rights while they are installed: without them writes fail")
	}
}

func (d *diagnosis) logFindings(ctx context.Context, on *schema) error {
	var unstamped int64
	if err := one(ctx, d.session.conn, "SELECT COUNT(*) FROM "+logTable+" WHERE batch IS NULL", &unstamped); err != nil {
		return fmt.Errorf("mysql: counting the rows without a batch: %w", err)
	}
	if unstamped > maxDelta {
		d.add(listen.Warning, fmt.Sprintf("%d rows of the change log are not stamped: no process does it, or something holds the row of %s", unstamped, headTable),
			"let one process run whose account may stamp")
	}
	// Statements that change nothing are refused like any other.
	for _, statement := range []string{
		"UPDATE " + headTable + " SET last_batch = last_batch WHERE one = 0",
		"UPDATE " + logTable + " SET batch = batch WHERE id = 0",
		"DELETE FROM " + logTable + " WHERE id = 0",
	} {
		_, err := d.session.conn.ExecContext(ctx, statement)
		switch {
		case failed(err, errTableAccess, errColumnAccess, errDBAccess):
			d.add(listen.Note, "this account may not stamp the change log", "some process has to: grant it UPDATE on "+headTable+" and UPDATE, DELETE on "+logTable)
			return nil
		case failed(err, errReadOnly):
			return nil // said already
		case err != nil:
			return fmt.Errorf("mysql: trying whether the log can be stamped: %w", err)
		}
	}
	if d.session.server.probe(ctx, d.session.conn); d.session.server.maria && !d.session.server.tidies.Load() {
		d.add(listen.Warning, "function "+tidyFunction+" is missing, or this account may not execute it: a write after LOCK TABLES … WRITE may fail with error 1442",
			"run livesql install with the CREATE ROUTINE right, and grant EXECUTE on the function")
	}
	rows, _, err := on.extent(ctx, d.session.conn)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	d.add(listen.Fine, fmt.Sprintf("the change log has about %d rows, %d of them not stamped yet", rows, unstamped), "")
	return nil
}
