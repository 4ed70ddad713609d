package mysql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/DATA-DOG/go-sqlmock"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

func msec(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }

// grantReader makes an account with the rights of a feed that does not stamp.
func grantReader(t *testing.T, db *server.Database) string {
	t.Helper()
	user := "r_" + db.Name()[:min(len(db.Name()), 20)]
	mustExec(t, db.DB(), "CREATE USER "+user, fmt.Sprintf("GRANT SELECT, TRIGGER ON %s.* TO %s", quoteName(db.Name()), user))
	t.Cleanup(func() { _, _ = db.DB().ExecContext(context.Background(), "DROP USER "+user) })
	return user
}

func diagnosed(t *testing.T, db *sql.DB) string {
	t.Helper()
	findings, err := Dialect{}.Diagnose(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%v: %s (%s)\n", f.Grade, f.What, f.Do)
	}
	return b.String()
}

func TestRightsOfAFeed(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	reader := grantReader(t, db)
	f := follow(t, dsnAs(db, reader), listen.InstallAuto) // and may not install
	mustExec(t, db.DB(), "INSERT INTO t VALUES (1)")
	f.expect("t I int64:1")
	f.until("it says that it does not stamp", func(listen.Delta) bool { return strings.Contains(f.reader.Describe(), "stamps nothing") })
	if what := diagnosed(t, openAs(t, db, reader)); !strings.Contains(what, "may not stamp") {
		t.Error(what)
	}
	mustExec(t, db.DB(), "GRANT UPDATE ON livesql_head TO "+reader, "GRANT UPDATE, DELETE ON livesql_log TO "+reader)
	f.connect()
	mustExec(t, db.DB(), "INSERT INTO t VALUES (2)")
	f.expect("t I int64:2")
	f.until("stamped", func(listen.Delta) bool { return len(f.cursor.(cursor).early) == 0 })
	if what := diagnosed(t, openAs(t, db, reader)); strings.Contains(what, "may not stamp") {
		t.Error(what)
	}
	// Without TRIGGER it is shown no triggers, and must not take that for good.
	mustExec(t, db.DB(), "REVOKE TRIGGER ON "+quoteName(db.Name())+".* FROM "+reader)
	if why := whyUncovered(t, openAs(t, db, reader), "t"); !strings.Contains(why, "TRIGGER right") {
		t.Error(why)
	}
}

func TestRightsOfAnInstaller(t *testing.T) {
	db := newTwin(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	user := "i_" + db.Name()[:min(len(db.Name()), 20)]
	mustExec(t, db.DB(), "CREATE USER "+user, fmt.Sprintf("GRANT CREATE, SELECT, INSERT, UPDATE, DELETE, DROP, TRIGGER ON %s.* TO %s", quoteName(db.Name()), user))
	t.Cleanup(func() { _, _ = db.DB().ExecContext(context.Background(), "DROP USER "+user) })
	pool := openAs(t, db, user)
	installAll(t, pool)
	writer := unprivileged(t, db) // before the feed begins, which forgets everything when rights change
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	mustExec(t, writer, "INSERT INTO t VALUES (1)")
	f.expect("t I int64:1")
	if what := diagnosed(t, db.DB()); !strings.Contains(what, user+"@%") {
		t.Error(what)
	}
	if err := (Dialect{}).Uninstall(t.Context(), pool, listen.UninstallOptions{}); err != nil {
		t.Error(err)
	}
}

// The parameters of the program's data source name are for its own sessions.
func TestOwnSessionsAreTheSame(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id VARCHAR(20) CHARACTER SET utf8mb4 PRIMARY KEY)")
	params := []string{
		"parseTime=true", "interpolateParams=true", "loc=Asia%2FTokyo", "charset=latin1", "clientFoundRows=true", "columnsWithAlias=true",
		"sql_mode=%27ANSI,NO_BACKSLASH_ESCAPES%27", "tx_isolation=%27SERIALIZABLE%27", "autocommit=0", "time_zone=%27-11:00%27", "multiStatements=true",
	}
	dsn := db.SocketDSN(params...)
	connector, err := Dialect{}.Connector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	for name, known := range map[string]string{"known": dsn, "unknown": ""} {
		b, err := Dialect{}.Backend(listen.BackendConfig{Connector: connector, DSN: known, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		f := &follower{t: t, backend: b.(*database)}
		f.connect()
		f.poll()
		mustExec(t, db.DB(), "INSERT INTO t VALUES ('"+name+"Ä🍏')")
		f.expect("t I string:" + name + "Ä🍏")
		f.until("stamped", func(listen.Delta) bool { return len(f.cursor.(cursor).early) == 0 })
		f.disconnect()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	// Installing over a pool of such sessions, too, and without changing them.
	pool := sql.OpenDB(connector)
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	if err := (Dialect{}).Uninstall(t.Context(), pool, listen.UninstallOptions{}); err != nil {
		t.Fatal(err)
	}
	installAll(t, pool)
	var mode string
	if err := one(t.Context(), pool, "SELECT @@sql_mode", &mode); err != nil || !strings.Contains(mode, "ANSI") {
		t.Errorf("the program's sessions have sql_mode %q, %v", mode, err)
	}
	if why := whyUncovered(t, pool, "t"); why != "" {
		t.Error(why)
	}
}

func TestMocksAreNeverDialled(t *testing.T) {
	mock, expect, err := sqlmock.New()
	if err != nil {
		t.Fatal(err)
	}
	expect.ExpectClose()
	defer mock.Close()
	b, err := Dialect{}.Backend(listen.BackendConfig{Connector: dialed{mock.Driver()}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var none *listen.NoLogError
	if _, err := b.Connect(t.Context()); !errors.As(err, &none) {
		t.Errorf("connected: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// dialed is a connector that must not be used.
type dialed struct{ driver sqldriver.Driver }

func (d dialed) Driver() sqldriver.Driver { return d.driver }

func (d dialed) Connect(context.Context) (sqldriver.Conn, error) { panic("dialled") }

func TestNoDatabaseSelected(t *testing.T) {
	db := server.MariaDB(t)
	b := newBackend(t, strings.Replace(db.SocketDSN(), "/"+db.Name(), "/", 1), listen.InstallAuto)
	if _, err := b.Connect(t.Context()); !errors.Is(err, listen.ErrNoLog) {
		t.Errorf("connected: %v", err)
	}
}

func TestReadOnlyServer(t *testing.T) {
	s := server.OwnMariaDB(t)
	db := s.Database(t)
	mustExec(t, db.DB(), "CREATE TABLE t (id INT PRIMARY KEY)")
	installAll(t, db.DB())
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	if err := s.Configure(t.Context(), map[string]string{"read_only": "1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.reader.Poll(t.Context(), f.cursor); !errors.Is(err, errReadOnlyServer) {
		t.Errorf("polled: %v", err)
	}
	if _, err := f.backend.Connect(t.Context()); !errors.Is(err, errReadOnlyServer) {
		t.Errorf("connected: %v", err)
	}
	if what := diagnosed(t, db.DB()); !strings.Contains(what, "problem: the server is read-only") {
		t.Error(what)
	}
}

// With the format STATEMENT the server refuses to stamp. The feed goes on.
func TestStatementBinlog(t *testing.T) {
	s := server.OwnMariaDB(t, server.Setting("log-bin", "ON"), server.Setting("binlog-format", "STATEMENT"), server.Setting("log-bin-trust-function-creators", "0"))
	db := s.Database(t)
	mustExec(t, db.DB(), "CREATE TABLE t (id INT PRIMARY KEY)")
	installAll(t, db.DB())
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	mustExec(t, db.DB(), "INSERT INTO t VALUES (1)")
	f.expect("t I int64:1")
	f.until("it says that it does not stamp", func(listen.Delta) bool { return strings.Contains(f.reader.Describe(), "stamps nothing") })
	f.expect()
	what := diagnosed(t, db.DB())
	for _, want := range []string{"problem: binlog_format is STATEMENT", "needs SUPER"} {
		if !strings.Contains(what, want) {
			t.Errorf("no %q in\n%s", want, what)
		}
	}
}

// A reader that is closed lets a poll go that waits for a dead connection.
func TestCloseEndsAPoll(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	proxy := server.NewProxy(t, db.Addr())
	f := follow(t, db.DSNVia(proxy.Addr()), listen.InstallNever)
	proxy.Blackhole()
	done := make(chan error, 1)
	go func() {
		_, err := f.reader.Poll(context.Background(), f.cursor)
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("the poll returned by itself: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	begin := time.Now()
	f.disconnect()
	if err := <-done; err == nil {
		t.Error("the poll succeeded")
	}
	if took := time.Since(begin); took > time.Duration(float64(patience/3)*server.Slowdown(t)) {
		t.Errorf("closing took %v", took)
	}
	proxy.Heal()
	mustExec(t, db.DB(), "INSERT INTO t VALUES (1)")
	f.connect()
	f.expect("t I int64:1")
}

func TestTokens(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	a, b := follow(t, db.SocketDSN(), listen.InstallNever, noStamper), follow(t, db.SocketDSN(), listen.InstallNever, noStamper)
	reached := func() bool {
		t.Helper()
		token, err := a.backend.Token(a.cursor)
		if err != nil {
			t.Fatal(err)
		}
		ok, err := b.backend.Reached(b.cursor, token)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !reached() {
		t.Error("nothing has happened, and it was not reached")
	}
	mustExec(t, db.DB(), "INSERT INTO t VALUES (1)")
	a.poll()
	if reached() {
		t.Error("a row without a batch was not polled and yet reached")
	}
	b.poll()
	if !reached() {
		t.Error("a row without a batch was polled and not reached")
	}
	mustExec(t, db.DB(), "INSERT INTO t VALUES (2)")
	a.poll()
	early := a.cursor
	many := newBackend(t, db.SocketDSN(), listen.InstallNever)
	host, err := lookAtServer(t.Context(), db.DB())
	if err != nil {
		t.Fatal(err)
	}
	if err := newStamper(many, host).stampAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a.poll(); reached() {
		t.Error("a batch was not polled and yet reached")
	}
	b.poll()
	if !reached() {
		t.Error("a batch was polled and not reached")
	}
	// The token was made when the row had none.
	a.cursor = early
	if !reached() {
		t.Error("a row that was stamped since was not reached")
	}
	token, err := a.backend.Token(a.cursor)
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, db.DB(), "UPDATE livesql_head SET epoch = REPEAT('x', 16)")
	b.poll()
	for _, bad := range []string{token, "", "x", tokenPrefix + "!", tokenPrefix + "e30"} {
		var refused *listen.TokenError
		if ok, err := b.backend.Reached(b.cursor, bad); ok || !errors.As(err, &refused) {
			t.Errorf("%q: %v, %v", bad, ok, err)
		}
	}
}

func TestNothingIsAnalysed(t *testing.T) {
	db := server.MariaDB(t)
	b := newBackend(t, db.SocketDSN(), listen.InstallNever)
	for text, writes := range map[string]bool{"SELECT * FROM t": false, "INSERT INTO t VALUES (1)": true, "gibberish": true} {
		a, err := b.Analyze(t.Context(), text)
		if err != nil || a.Uncacheable == "" || a.WritesAll != writes || a.Version != b.Version() {
			t.Errorf("%s: %+v, %v", text, a, err)
		}
	}
	var _ dialects.Analyzer = b
}

// TestProbe: connections of the program are told apart by where they are.
func TestProbe(t *testing.T) {
	db := server.MariaDB(t)
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	for name, c := range map[string]struct {
		dsn  string
		same bool
	}{
		"this database":    {db.DSN(), true},
		"another database": {server.MariaDB(t).DSN(), false},
	} {
		connector, err := Dialect{}.Connector(c.dsn)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := connector.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n, err := f.backend.Probe(t.Context(), conn)
		if err != nil || (n.Database == f.backend.Identity()) != c.same {
			t.Errorf("%s: %+v, the feed is at %d, error %v", name, n, f.backend.Identity(), err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}
