package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/internal/wait"
	"github.com/vantage-go/live/listen"
)

// oldestServer is the first version whose triggers can be replaced without a
// lock that readers wait for.
const oldestServer = 140000

// mostRounds is how often the triggers of a table are installed. Somebody who
// changes the table meanwhile costs a round.
const mostRounds = 10

// Install is that of the dialects. It creates the log in one transaction and
// the triggers of each table in one of its own: CREATE TRIGGER waits for all
// that write to the table, and all that come later wait behind it. Each round
// starts from the schema as it is then, until nothing is left to do.
func Install(ctx context.Context, db *sql.DB, options listen.InstallOptions) ([]dialects.Table, error) {
	switch options.Bell {
	case "", listen.BellGated, listen.BellEvery, listen.BellApp, listen.BellPoll:
	default:
		return nil, fmt.Errorf("postgres: installing: there is no bell %q", options.Bell)
	}
	return install(ctx, db, options, false)
}

// install is Install. Because the database says so: not when it no longer does.
func install(ctx context.Context, db *sql.DB, options listen.InstallOptions, because bool) ([]dialects.Table, error) {
	w := newWorker(db, options.LockTimeout, options.Patience, options.Print)
	if err := w.checkServer(ctx); err != nil {
		return nil, err
	}
	s, err := w.load(ctx)
	if err != nil {
		return nil, err
	}
	// What cannot be captured is found out before anything is changed.
	if _, err := s.chosen(options.Tables); err != nil && len(options.Tables) > 0 {
		return nil, err
	}
	i := &installation{worker: w, options: options, because: because, changed: make(map[dialects.Table]bool)}
	if err := w.patiently(ctx, "the change log", func() error { return w.transaction(ctx, i.createLog) }); err != nil {
		return nil, fmt.Errorf("postgres: creating the change log: %w", err)
	}
	err = errors.Join(i.detachHarmful(ctx, s), i.attachAll(ctx, s))
	changed := slices.Collect(maps.Keys(i.changed))
	slices.SortFunc(changed, dialects.Table.Compare)
	return changed, err
}

// installation is one run of install.
type installation struct {
	*worker
	options listen.InstallOptions
	changed map[dialects.Table]bool
	// because: handles are to install, as the database says.
	because bool
}

// errUninstalled ends an installation that the database no longer asks for.
var errUninstalled = errors.New("livesql was uninstalled meanwhile")

// wanted returns an error if nobody wants the installation any more. It is asked
// under the lock of installers.
func (i *installation) wanted(s *schema) error {
	if i.because && (!s.installed || !s.later) {
		return errUninstalled
	}
	return nil
}

// checkServer tells whether the server can have a log.
func (w *worker) checkServer(ctx context.Context) error {
	var version int
	var standby bool
	if err := w.db.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int, pg_is_in_recovery()").Scan(&version, &standby); err != nil {
		return fmt.Errorf("postgres: asking for the server's version: %w", err)
	}
	switch {
	case version < oldestServer:
		return &listen.NoLogError{Why: fmt.Sprintf("the server's version is %d, the change log needs %d or later", version/10000, oldestServer/10000)}
	case standby:
		return &listen.NoLogError{Why: "the server is a standby: the change log is installed on the primary"}
	}
	return nil
}

// checkLayout returns an error if the log is not one that this program knows,
// or may not be used.
func (s *schema) checkLayout() error {
	switch {
	case s.strange != "":
		return &listen.NoLogError{Why: "there is a schema livesql that livesql has not made: " + s.strange + "; drop or rename it"}
	case s.forbidden != "":
		return &listen.NoLogError{Why: "this role may not " + s.forbidden + "; the owner of the change log may grant it"}
	case s.version > layoutVersion:
		return &listen.NoLogError{Why: fmt.Sprintf("the change log has layout %d, this program knows %d: use a newer one", s.version, layoutVersion)}
	}
	return nil
}

// createLog creates what is missing of the log, and brings it up to date.
func (i *installation) createLog(ctx context.Context, tx *work) error {
	s, err := loadSchema(ctx, tx.q)
	if err != nil {
		return err
	}
	if err := s.checkLayout(); err != nil {
		return err
	}
	if err := i.wanted(s); err != nil {
		return err
	}
	mode := i.options.Bell
	if mode == "" {
		mode = s.bell
	}
	if mode == "" {
		mode = listen.BellGated
	}
	switch {
	case !s.installed:
		err = tx.exec(ctx, tableStatements...)
	case s.version < layoutVersion:
		err = tx.exec(ctx, upgradeStatements...)
	}
	if err != nil {
		return err
	}
	for _, f := range baseFunctions(mode) {
		if !f.isIn(s.captures) && (!s.newer() || !f.isLike(s.captures) || f.bare && mode != s.bell) {
			if err := s.create(ctx, tx, f.signature(), f.create()); err != nil {
				return err
			}
		}
	}
	if s.revision < codeRevision {
		if err := tx.exec(ctx, fmt.Sprintf("UPDATE livesql.meta SET revision = %d", codeRevision)); err != nil {
			return err
		}
	}
	if err := i.ringWith(ctx, tx, s, mode); err != nil {
		return err
	}
	return i.renewFunctions(ctx, tx, s)
}

// ringWith puts the trigger of the log in its place and notes the choices of the options.
func (i *installation) ringWith(ctx context.Context, tx *work, s *schema, mode listen.Bell) error {
	hung, err := truncateHangs(ctx, tx.q)
	if err != nil {
		return err
	}
	if !hung {
		if err := tx.exec(ctx, truncateTrigger...); err != nil {
			return err
		}
	}
	// The defaults of a new row are gated and false.
	bell, later := s.bell, s.later
	if bell == "" {
		bell = listen.BellGated
	}
	if mode != bell {
		if err := tx.exec(ctx, "UPDATE livesql.meta SET bell = "+quoteText(string(mode))); err != nil {
			return err
		}
	}
	if i.options.Later && !later {
		return tx.exec(ctx, "UPDATE livesql.meta SET later = true")
	}
	return nil
}

// truncateHangs reports whether the trigger that tells of a truncated log is in
// its place.
func truncateHangs(ctx context.Context, q querier) (hangs bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT count(*) > 0 FROM pg_catalog.pg_trigger AS t
		JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
		WHERE n.nspname = 'livesql' AND c.relname = 'log' AND t.tgname = 'truncated' AND p.pronamespace = n.oid AND p.proname = t.tgname AND t.tgenabled = 'A'`).Scan(&hangs)
	if err != nil {
		return false, fmt.Errorf("postgres: looking for the trigger of the change log: %w", err)
	}
	return hangs, nil
}

// detachHarmful drops the triggers of tables that have got a foreign table
// below them, to which nobody can write as long as they are there.
func (i *installation) detachHarmful(ctx context.Context, s *schema) error {
	var failed []error
	for _, r := range s.relations {
		if !r.harmed() {
			continue
		}
		err := i.patiently(ctx, "table "+r.table.String(), func() error {
			return i.transaction(ctx, func(ctx context.Context, tx *work) error {
				for _, name := range r.captureNames() {
					if err := tx.exec(ctx, r.dropTrigger(name)); err != nil {
						return err
					}
				}
				tx.after(func() { i.changed[r.table] = true })
				return nil
			})
		})
		if err != nil && !isGone(err) {
			failed = append(failed, fmt.Errorf("postgres: dropping the triggers of table %s: %w", r.table, err))
		}
	}
	return errors.Join(failed...)
}

// attachAll attaches triggers to all tables that need some.
func (i *installation) attachAll(ctx context.Context, s *schema) error {
	failed := make(map[dialects.Table]error)
	tried := make(map[dialects.Table]int)
	var refused error
	for pause := firstPause; ; {
		var due []*relation
		due, refused = i.due(s, failed)
		if len(due) == 0 {
			break
		}
		busy := make(map[dialects.Table]error)
		for _, r := range due {
			err := i.transaction(ctx, func(ctx context.Context, tx *work) error { return i.attach(ctx, tx, r) })
			switch {
			case err == nil:
				if tried[r.table]++; tried[r.table] < mostRounds {
					continue
				}
				failed[r.table] = fmt.Errorf("postgres: capturing table %s: its triggers do not stay as they were installed", r.table)
			case ctx.Err() != nil:
				return fmt.Errorf("postgres: capturing table %s: %w", r.table, err)
			case isBusy(err) || isGone(err):
				busy[r.table] = err
			default:
				failed[r.table] = fmt.Errorf("postgres: capturing table %s: %w", r.table, err)
			}
		}
		if i.print != nil {
			break
		}
		if len(busy) == len(due) && len(busy) > 0 {
			if time.Now().After(i.deadline) {
				for t, err := range busy {
					failed[t] = fmt.Errorf("postgres: capturing table %s: its lock was not to be had in time: %w", t, err)
				}
			} else if err := wait.For(ctx, pause); err != nil {
				return err
			}
			pause = min(2*pause, longestPause)
		} else {
			pause = firstPause
		}
		var err error
		if s, err = i.load(ctx); err != nil {
			return err
		}
	}
	all := []error{refused}
	for _, t := range slices.SortedFunc(maps.Keys(failed), dialects.Table.Compare) {
		all = append(all, failed[t])
	}
	return errors.Join(append(all, i.dropOld(ctx, s))...)
}

// due returns the tables whose triggers are not as they should be and did not
// fail, and an error that tells which tables are left out.
func (i *installation) due(s *schema, failed map[dialects.Table]error) ([]*relation, error) {
	chosen, refused := s.chosen(i.options.Tables)
	return slices.DeleteFunc(chosen, func(r *relation) bool { return failed[r.table] != nil || r.untriggered(s) == "" }), refused
}

// chosen returns the tables that names stand for, and those that share rows
// with them. Without names these are all that can be captured, but for those
// of extensions. The error joins a [*listen.TableError] for each table that is
// left out.
func (s *schema) chosen(names []string) ([]*relation, error) {
	var refused []error
	set := make(map[*relation]bool)
	refuse := func(name, why string) { refused = append(refused, &listen.TableError{Table: name, Why: why}) }
	add := func(r *relation) {
		if r.mine {
			set[r] = true
		} else if r.untriggered(s) != "" {
			refuse(r.table.String(), "it belongs to role "+r.owner+", which this role is not a member of")
		}
	}
	if len(names) == 0 {
		for _, r := range s.relations {
			if r.capturable() && r.extension == "" {
				add(r)
			}
		}
	}
	for _, name := range names {
		switch found := s.find(name); {
		case len(found) == 0:
			refuse(name, "there is no such table")
		case len(found) > 1:
			refuse(name, "there are several of that name: "+found[0].table.String()+", "+found[1].table.String())
		case !found[0].capturable():
			refuse(name, found[0].obstacle())
		default:
			for _, r := range append([]*relation{found[0]}, found[0].kin...) {
				if r.capturable() {
					add(r)
				}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b *relation) int { return a.table.Compare(b.table) }), errors.Join(refused...)
}

// attach makes the triggers of r as they should be, and marks the table: what
// other processes read while it was not captured is void.
func (i *installation) attach(ctx context.Context, tx *work, r *relation) error {
	// Another process may have been quicker.
	now := *r
	now.triggers = nil
	if err := eachTrigger(ctx, tx.q, r.oid, func(_ uint32, t storedTrigger) { now.triggers = append(now.triggers, t) }); err != nil {
		return err
	}
	s := &schema{}
	if err := s.loadMeta(ctx, tx.q); err != nil {
		return err
	}
	if err := i.wanted(s); err != nil {
		return err
	}
	if err := s.loadFunctions(ctx, tx.q); err != nil {
		return err
	}
	if now.untriggered(s) == "" {
		return nil
	}
	if !s.member {
		// The triggers show the owner every row that is written.
		return s.strangers()
	}
	f := now.capture()
	created := f.differs(s.captures) != ""
	if created {
		if err := s.create(ctx, tx, f.name+"()", f.create()); err != nil {
			return err
		}
	}
	if err := now.attach(ctx, tx, f, created); err != nil {
		return err
	}
	if err := tx.exec(ctx, now.mark()); err != nil {
		return err
	}
	tx.after(func() { i.changed[r.table] = true })
	return nil
}

// attach makes the triggers of r as they should be. All are replaced if the
// function has been created: those that there are call one that was renamed.
func (r *relation) attach(ctx context.Context, tx *work, f captureFunction, created bool) error {
	for _, t := range r.triggers {
		if own := slices.ContainsFunc(captureTriggers, func(want captureTrigger) bool { return want.name == t.name }); own == t.ours() {
			continue
		} else if own {
			return &listen.TableError{Table: r.table.String(), Why: "it has a trigger " + t.name + " that is not livesql's"}
		}
		if err := tx.exec(ctx, r.dropTrigger(t.name)); err != nil {
			return err
		}
	}
	for _, want := range captureTriggers {
		right := !created && slices.ContainsFunc(r.triggers, func(t storedTrigger) bool { return want.is(t, f) && t.enabled == "A" })
		if right {
			continue
		}
		err := tx.exec(ctx, want.create(r.sql(), f), fmt.Sprintf("ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %s", r.sql(), want.name))
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *relation) dropTrigger(name string) string {
	return fmt.Sprintf("DROP TRIGGER IF EXISTS %s ON %s", quoteName(name), r.sql())
}
