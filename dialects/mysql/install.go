package mysql

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// Install creates the log and the capture triggers. The database commits each
// statement by itself, so the order is what makes it safe at every moment: the
// log before the triggers that write to it, and a mark on each table after its
// triggers are in place. What it prints instead, if asked to, is a script for
// the command line clients mariadb and mysql.
func (Dialect) Install(ctx context.Context, db *sql.DB, options listen.InstallOptions) ([]dialects.Table, error) {
	return install(ctx, db, options)
}

func install(ctx context.Context, db *sql.DB, options listen.InstallOptions) (changed []dialects.Table, err error) {
	s, err := openSession(ctx, db, options.LockTimeout, options.Patience, options.Print)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.exclusive(ctx); err != nil {
		return nil, err
	}
	role, err := s.dropRole(ctx)
	if err != nil {
		return nil, err
	}
	if role != "" {
		defer func() {
			if failed(err, errDBAccess, errTableAccess, errColumnAccess) {
				err = fmt.Errorf("%w (the rights of the role %s do not count: triggers run without them)", err, role)
			}
		}()
	}
	on, err := loadSchema(ctx, s.conn, s.server)
	if err != nil {
		return nil, err
	}
	targets, err := on.choose(options.Tables)
	if err != nil {
		return nil, err
	}
	if !on.installed {
		if on, err = s.create(ctx, on); err != nil {
			return nil, err
		}
		if targets, err = on.choose(options.Tables); err != nil {
			return nil, err
		}
	}
	if !strings.EqualFold(on.log, "InnoDB") {
		return nil, fmt.Errorf("mysql: the engine of %s is %s, it must be InnoDB: uninstall and install again", logTable, on.log)
	}
	if err := s.number(ctx, on, targets); err != nil {
		return nil, err
	}
	// Also when it was dropped, or could not be created the first time.
	if s.server.probe(ctx, s.conn); s.server.maria && !s.server.tidies.Load() {
		if err := s.exec(ctx, tidyStatement); err != nil && !failed(err, errDBAccess, errTableAccess, errMissingRight, errUnsafeRoutine, errNeedsSuper) {
			return nil, fmt.Errorf("mysql: creating function %s: %w", tidyFunction, err)
		}
	}
	if options.Later && !on.later {
		if err := s.exec(ctx, "UPDATE "+headTable+" SET later = 1 WHERE one = 1"); err != nil {
			return nil, fmt.Errorf("mysql: noting that later tables are to be captured: %w", err)
		}
	}
	var failures []error
	for _, t := range targets {
		if on.unplaced(t) == "" {
			continue
		}
		if err := s.attach(ctx, on, t); err != nil {
			// One table that is in use must not keep the others out.
			failures = append(failures, err)
			continue
		}
		changed = append(changed, on.tableNamed(t.name))
	}
	if s.print == nil && len(changed) > 0 {
		failures = append(failures, s.verify(ctx, changed))
	}
	return changed, errors.Join(failures...)
}

// choose returns the tables that the names stand for: those that can be
// captured when there are none.
func (s *schema) choose(names []string) ([]*table, error) {
	var chosen []*table
	if len(names) == 0 {
		for _, t := range s.tables {
			if t.uncapturable() == "" {
				chosen = append(chosen, t)
			}
		}
		return chosen, nil
	}
	for _, name := range names {
		t := s.named(name)
		if t == nil {
			return nil, &listen.TableError{Table: name, Why: "there is no such table in " + s.server.database}
		}
		if why := t.uncapturable(); why != "" {
			return nil, &listen.TableError{Table: name, Why: why}
		}
		if !slices.Contains(chosen, t) {
			chosen = append(chosen, t)
		}
	}
	return chosen, nil
}

// named finds a table by its name, with or without that of the database.
func (s *schema) named(name string) *table {
	if t := s.find(name); t != nil {
		return t
	}
	if short, ok := strings.CutPrefix(name, s.server.database+"."); ok {
		return s.find(short)
	}
	return nil
}

// create creates the log and returns the schema with it.
func (s *session) create(ctx context.Context, on *schema) (*schema, error) {
	epoch := make([]byte, 16)
	_, _ = rand.Read(epoch) // never fails
	for _, statement := range baseStatements(hex.EncodeToString(epoch)) {
		if err := s.exec(ctx, statement); err != nil {
			return nil, fmt.Errorf("mysql: creating the change log: %w", err)
		}
	}
	if s.print != nil {
		on.installed, on.log = true, "InnoDB"
		return on, nil
	}
	on, err := loadSchema(ctx, s.conn, s.server)
	if err != nil {
		return nil, err
	}
	if !on.installed {
		return nil, errors.New("mysql: the change log was created, and is not to be seen: SELECT on the database is needed")
	}
	return on, nil
}

// number gives numbers to the tables and to those that their foreign keys can
// change, and corrects the names of those that were renamed.
func (s *session) number(ctx context.Context, on *schema, targets []*table) error {
	var names []string
	for _, t := range targets {
		names = append(names, t.name)
		names = append(names, on.reach(t.name, true)...)
		names = append(names, on.reach(t.name, false)...)
	}
	slices.Sort(names)
	var next uint32
	for _, id := range on.registered {
		next = max(next, id)
	}
	for id := range on.names {
		next = max(next, id)
	}
	var rows []string
	for _, name := range slices.Compact(names) {
		id, ok := on.ids[name]
		if !ok {
			next++
			id = next
			on.ids[name], on.names[id] = id, name
		}
		if on.registered[name] != id {
			rows = append(rows, fmt.Sprintf("(%d, %s)", id, quoteText(name)))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if err := s.exec(ctx, "REPLACE INTO "+tablesTable+" (id, name) VALUES "+strings.Join(rows, ", ")); err != nil {
		return fmt.Errorf("mysql: numbering the tables: %w", err)
	}
	return nil
}

// attach replaces the triggers of t that are out of date, creates the missing
// ones, and marks the table and what it reaches: whoever read them before the
// triggers were there must read them again.
func (s *session) attach(ctx context.Context, on *schema, t *table) error {
	needs, why := on.needs(t)
	if why != "" {
		return fmt.Errorf("mysql: table %s: %s", t.name, why)
	}
	if err := s.mayLog(ctx); err != nil {
		return fmt.Errorf("mysql: table %s: its triggers would run as this account, which may not write to the log: %w", t.name, err)
	}
	for _, c := range t.found {
		if !slices.Contains(needs, c) {
			if err := s.exec(ctx, "DROP TRIGGER IF EXISTS "+quoteName(c.name)); err != nil {
				return fmt.Errorf("mysql: dropping trigger %s of table %s: %w", c.name, t.name, err)
			}
		}
	}
	for _, c := range needs {
		if slices.Contains(t.found, c) {
			continue
		}
		// A trigger belongs to the schema: the name may be on another table.
		for _, other := range on.tables {
			if _, ok := other.captureNamed(c.name); ok && other != t {
				if err := s.exec(ctx, "DROP TRIGGER IF EXISTS "+quoteName(c.name)); err != nil {
					return fmt.Errorf("mysql: dropping trigger %s of table %s: %w", c.name, other.name, err)
				}
			}
		}
		if err := s.createTrigger(ctx, c.create(t.name)); err != nil {
			return fmt.Errorf("mysql: creating trigger %s of table %s: %w", c.name, t.name, err)
		}
	}
	names := append(on.reach(t.name, true), on.reach(t.name, false)...)
	names = append(names, t.name)
	slices.Sort(names)
	var marks []string
	for _, name := range slices.Compact(names) {
		marks = append(marks, fmt.Sprintf("(%d, '%c')", on.ids[name], listen.Whole))
	}
	if err := s.exec(ctx, "INSERT INTO "+logTable+" (tbl, op) VALUES "+strings.Join(marks, ", ")); err != nil {
		return fmt.Errorf("mysql: marking table %s: %w", t.name, err)
	}
	return nil
}

// mayLog tries whether the account may do what its triggers will do, or they
// would fail every write. It inserts nothing.
func (s *session) mayLog(ctx context.Context) error {
	if s.print != nil {
		return nil
	}
	return s.exec(ctx, "INSERT INTO "+logTable+" (tbl, op, k) SELECT 0, 'T', NULL FROM DUAL WHERE FALSE")
}

// dropRole ends the use of a role, and returns which one it was. On MariaDB,
// triggers run with the rights of their definer's account and without those of
// its roles: what the session can do by a role, they cannot.
func (s *session) dropRole(ctx context.Context) (role string, err error) {
	if !s.server.maria {
		return "", nil
	}
	if err := one(ctx, s.conn, "SELECT COALESCE(CURRENT_ROLE(), '')", &role); err != nil {
		return "", fmt.Errorf("mysql: asking for the role in use: %w", err)
	}
	if role == "" {
		return "", nil
	}
	if err := s.exec(ctx, "SET ROLE NONE"); err != nil {
		return "", fmt.Errorf("mysql: ending the use of the role %s: %w", role, err)
	}
	return role, nil
}

// createTrigger creates a trigger whose time of creation lies ahead.
//
// MariaDB executes a prepared statement with the tables that it saw when it
// prepared it, unless a trigger was created later than that; of a trigger that
// it takes for older, it says that the table in it does not exist (1146), and
// the program's write fails. The time of a trigger is the one at which its
// statement began, rounded down to 10 ms: whatever was prepared in these, or
// while the statement waited for the table, is prepared too late. A statement
// that looks older than it is, on the other hand, is prepared once more.
func (s *session) createTrigger(ctx context.Context, statement string) (err error) {
	if s.server.maria {
		ahead := int64((s.patience + time.Minute) / time.Second)
		if err := s.exec(ctx, fmt.Sprintf("SET timestamp = UNIX_TIMESTAMP(SYSDATE(6)) + %d", ahead)); err != nil {
			return s.exec(ctx, statement) // secure_timestamp forbids it: the 10 ms remain
		}
		defer func() { err = errors.Join(err, s.exec(ctx, "SET timestamp = DEFAULT")) }()
	}
	return s.exec(ctx, statement)
}

// verify looks at what was installed: statements that succeed are not enough
// where somebody else may be at the same tables.
func (s *session) verify(ctx context.Context, changed []dialects.Table) error {
	on, err := loadSchema(ctx, s.conn, s.server)
	if err != nil {
		return err
	}
	for _, name := range changed {
		if t := on.find(name.Name); t != nil {
			if why := on.unplaced(t); why != "" {
				err = errors.Join(err, fmt.Errorf("mysql: table %s is not captured although its triggers were created: %s", t.name, why))
			}
		}
	}
	return err
}

// session is the connection of an installation.
type session struct {
	conn     *sql.Conn
	server   *host
	print    func(string)
	deadline time.Time
	patience time.Duration
}

// openSession takes a connection of db, which is closed afterwards: what is set
// on its session is not for the program.
func openSession(ctx context.Context, db *sql.DB, lock, patience time.Duration, printer func(string)) (_ *session, err error) {
	if lock <= 0 {
		lock = listen.DefaultLockTimeout
	}
	if patience <= 0 {
		patience = listen.DefaultPatience
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("mysql: %w", err)
	}
	s := &session{conn: conn, print: printer, deadline: time.Now().Add(patience), patience: patience}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	// Not READ COMMITTED, under which a server with binlog_format STATEMENT
	// lets nobody write.
	for _, statement := range append(sessionStatements(lock), "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ") {
		if printer != nil {
			printer(statement) // whoever runs the script needs the same session
		}
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("mysql: setting up a session: %w", err)
		}
	}
	if s.server, err = lookAtServer(ctx, conn); err != nil {
		return nil, err
	}
	if s.server.database == "" {
		return nil, errors.New("mysql: the connection selects no database")
	}
	return s, nil
}

// close ends the session, and with it the locks that it holds.
func (s *session) close() error { return discard(s.conn) }

// exclusive waits for other installations.
func (s *session) exclusive(ctx context.Context) error {
	if s.print != nil {
		return nil
	}
	var got sql.NullBool
	query := fmt.Sprintf("SELECT GET_LOCK(%s, %d)", quoteText(lockName("install", s.server.database)), max(1, int(s.patience.Seconds())))
	if err := one(ctx, s.conn, query, &got); err != nil {
		return fmt.Errorf("mysql: waiting for other installations: %w", err)
	}
	if !got.Bool {
		return errors.New("mysql: another installation is at work")
	}
	return nil
}

// script is the statement as the command line client takes it: semicolons in
// the body of a trigger do not end it. What follows the last delimiter is for
// the one that whoever prints may add.
func script(statement string) string {
	if !strings.HasPrefix(statement, "CREATE TRIGGER ") {
		return statement
	}
	end := "//"
	for strings.Contains(statement, end) {
		end += "/"
	}
	return "DELIMITER " + end + "\n" + statement + " " + end + "\nDELIMITER ; --"
}

// retryPause is the pause between two attempts to get the lock on a table, in
// which those go on that had to wait behind the first.
const retryPause = 100 * time.Millisecond

// exec executes a statement. It tries again when a lock was not to be had,
// until patience is over; printing takes the place of all that.
func (s *session) exec(ctx context.Context, statement string) error {
	if s.print != nil {
		s.print(script(statement))
		return nil
	}
	for {
		_, err := s.conn.ExecContext(ctx, statement)
		if !failed(err, errLockWaitTimeout, errDeadlock) || time.Now().After(s.deadline) {
			return err
		}
		if !wait(ctx, retryPause) {
			return errors.Join(ctx.Err(), err)
		}
	}
}
