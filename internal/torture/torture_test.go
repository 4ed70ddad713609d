package torture

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vantage-go/live/testdb/server"
)

var duration = flag.Duration("torture", 0, "how long each run of the coherence tests lasts; short without it")

// short is how long a run lasts in the gate.
const short = 8 * time.Second

// long is how long one on SQLite lasts at most.
const long = 15 * time.Second

// dsnEnv is the environment variable that names a database for one run, in the
// place of one on a server of its own.
const dsnEnv = "LIVESQL_TORTURE_DSN"

func TestMain(m *testing.M) {
	Main()
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// attempts is how often the torture is run at most until enough was tried: on a
// machine that has other things to do, a feed may be late for most of a run.
const attempts = 3

// coherent runs the torture, each time on a database of its own, and requires
// that nothing is wrong in any run, and that enough was tried in one.
func coherent(t *testing.T, config Config, dsn func(t *testing.T) string) {
	t.Helper()
	config.Lease, config.Duration = 2*time.Second, short
	if *duration > 0 {
		config.Duration = *duration
	}
	if config.Engine == SQLite {
		config.Duration = min(config.Duration, long)
	}
	tryOften(t, config, dsn, provesLittle)
}

// tryOften runs the torture until a run proves something, [attempts] times at most.
func tryOften(t *testing.T, config Config, dsn func(t *testing.T) string, provesLittle func(Config, *Report) string) {
	t.Helper()
	var little string
	for n := range attempts {
		config.Dir, config.Seed = t.TempDir(), uint64(os.Getpid()+n)
		if dsn != nil {
			config.DSN = dsn(t)
		}
		report, err := Run(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%v, seed %d: %v", config.Engine, config.Seed, report)
		for _, v := range report.Violations {
			t.Error(v)
		}
		if !report.OK() {
			t.Errorf("not coherent: %v", report)
		}
		if little = provesLittle(config, report); little == "" || t.Failed() {
			break
		}
		t.Logf("attempt %d: %s", n+1, little)
	}
	if little != "" {
		t.Error(little)
	}
}

// provesLittle says why nothing follows from a run that found nothing; it is
// empty if something does.
func provesLittle(c Config, r *Report) string {
	switch {
	case r.Share() < 0.5:
		return fmt.Sprintf("%s to prove anything: only %.1f%% of the reads were hits: %+v", tooLittle, 100*r.Share(), r.Stats)
	case r.Commits < 20 || r.OwnCommits < 3 || r.RolledBack < 1 || c.Live > 0 && r.LiveCommits < 3:
		return fmt.Sprintf("%s to prove anything: %v", tooLittle, r)
	default:
		return ""
	}
}

func TestProvesLittle(t *testing.T) {
	t.Parallel()
	enough := func() *Report {
		return &Report{Reads: 10, Hits: 5, Commits: 20, OwnCommits: 3, LiveCommits: 3, RolledBack: 1}
	}
	if why := provesLittle(Config{Live: 1}, enough()); why != "" {
		t.Errorf("of enough: %s", why)
	}
	for _, few := range []func(*Report){
		func(r *Report) { r.Hits = 4 },
		func(r *Report) { r.Commits = 19 },
		func(r *Report) { r.OwnCommits = 2 },
		func(r *Report) { r.LiveCommits = 2 },
		func(r *Report) { r.RolledBack = 0 },
	} {
		r := enough()
		if few(r); provesLittle(Config{Live: 1}, r) == "" {
			t.Errorf("%v is enough", r)
		}
	}
}

// tooLittle is what a run says of which nothing follows.
const tooLittle = "too little happened"

// everyone is who takes part in a run.
func everyone(e *Engine) Config {
	return Config{Engine: e, Writers: 3, Live: 1, Readers: 4, OwnWriters: 2}
}

// mode is what the writers of a run do.
type mode struct {
	name  string
	lanes int
	alter bool
	long  bool // not in the gate
}

var modes = []mode{
	{"concurrent", 4, true, false},
	{"one by one", 1, true, true},
	{"calm", 4, false, true},
}

func eachMode(t *testing.T, e *Engine, dsn func(t *testing.T) string) {
	t.Helper()
	for _, m := range modes {
		if m.long && *duration == 0 {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			c := everyone(e)
			c.Lanes, c.Alter = m.lanes, m.alter
			coherent(t, c, dsn)
		})
	}
}

func TestSQLiteCoherence(t *testing.T) {
	coherent(t, everyone(SQLite), nil)
}

// TestSQLiteAltered also changes the schema, so that the feed may start afresh
// at any time.
func TestSQLiteAltered(t *testing.T) {
	c := everyone(SQLite)
	c.Alter = true
	coherent(t, c, nil)
}

func ownPostgres(t *testing.T) func(*testing.T) string {
	t.Helper()
	if dsn := os.Getenv(dsnEnv); dsn != "" {
		return func(*testing.T) string { return dsn }
	}
	// Deadlocks among the lanes are part of the run.
	s := server.OwnPostgres(t, server.Setting("deadlock_timeout", "100ms"))
	return func(t *testing.T) string { t.Helper(); return s.Database(t).SocketDSN() }
}

func TestPostgresCoherence(t *testing.T) {
	eachMode(t, Postgres, ownPostgres(t))
}

func TestPGXCoherence(t *testing.T) {
	if *duration == 0 {
		coherent(t, everyone(PGX), ownPostgres(t))
		return
	}
	eachMode(t, PGX, ownPostgres(t))
}

func ownMariaDB(t *testing.T) func(*testing.T) string {
	t.Helper()
	if dsn := os.Getenv(dsnEnv); dsn != "" {
		return func(*testing.T) string { return dsn }
	}
	// A lock on a table and one on a row may wait for each other for ever.
	s := server.OwnMariaDB(t, server.Setting("innodb_lock_wait_timeout", "3"), server.Setting("lock_wait_timeout", "3"))
	return func(t *testing.T) string { t.Helper(); return s.Database(t).SocketDSN() }
}

func TestMariaDBCoherence(t *testing.T) {
	eachMode(t, MariaDB, ownMariaDB(t))
}

// TestMariaDBCascades is about the rows that foreign keys change, of which no
// trigger tells: nobody but this process writes, and hardly anything else.
func TestMariaDBCascades(t *testing.T) {
	e := *MariaDB
	e.changes = func(d *draw) []change {
		id, other := d.item(), d.item()
		all := []change{
			{text: "DELETE FROM item WHERE id = ?", args: []any{id}},
			{text: "REPLACE INTO item(id, grp, code, ver) VALUES (?, ?, NULL, ?)", args: []any{id, d.group(), d.version}},
			{text: "UPDATE item SET id = ?, ver = ? WHERE id = ? AND NOT EXISTS (SELECT 1 FROM (SELECT id FROM item) AS o WHERE o.id = ?)", args: []any{other, d.version, id, other}},
			{text: "INSERT IGNORE INTO item(id, grp, ver) VALUES (?, ?, ?), (?, ?, ?)", args: []any{id, d.group(), d.version, other, d.group(), d.version}},
		}
		for n := range int64(3) {
			all = append(all, change{text: "REPLACE INTO part(item, n, ver) SELECT id, ?, ? FROM item WHERE id BETWEEN ? AND ?", args: []any{n, d.version, d.lane * stride, (d.lane+1)*stride - 1}})
		}
		return all
	}
	c := Config{
		Engine: &e, Readers: 2, OwnWriters: 2, Lanes: 2, OwnPause: 20 * time.Millisecond,
		Lease: 2 * time.Second, Duration: cmp.Or(min(*duration, long), 3*time.Second),
	}
	tryOften(t, c, ownMariaDB(t), func(_ Config, r *Report) string {
		if r.Commits < 10 {
			return fmt.Sprintf("%s to prove anything: %v", tooLittle, r)
		}
		return ""
	})
}

// What the database answers is what the history expects, in every state and
// under all settings.
func TestQuestions(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{
		{Engine: SQLite, Lanes: 1},
		{Engine: Postgres, Lanes: 2, DSN: server.Postgres(t).SocketDSN()},
		{Engine: MariaDB, Lanes: 2, DSN: server.MariaDB(t).SocketDSN()},
	} {
		t.Run(c.Engine.name, func(t *testing.T) {
			t.Parallel()
			c.Dir, c.Duration, c.OwnWriters, c.Readers, c.Alter, c.Lease, c.Seed = t.TempDir(), time.Second, 1, 4, true, time.Second, 7
			report, err := Run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if !report.OK() || report.Reads == 0 {
				t.Errorf("%v: %v", report, report.Violations)
			}
		})
	}
}

func TestStoppedProcess(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		lease time.Duration
		d     time.Duration
	}{
		{"short lease", 500 * time.Millisecond, 2 * time.Second},
		{"default lease", 2 * time.Second, max(5*time.Second, min(10*time.Second, *duration))},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := Stop(t.Context(), t.TempDir(), c.d, c.lease)
			if err != nil {
				t.Fatal(err)
			}
			if problem := p.Problem(); problem != "" {
				t.Error(problem)
			}
			for _, s := range p.After {
				t.Logf("read from %v to %v after the stop: version %d, from memory: %v", time.Duration(s.Start-p.Continued), time.Duration(s.End-p.Continued), s.Version, s.Hit)
			}
		})
	}
}
