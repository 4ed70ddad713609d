package testdb_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"strings"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb"
)

const readName = "SELECT name FROM bakery WHERE id = 1"

// expectName expects one read of the name.
func expectName(m *testdb.MockDB, name string) {
	m.ExpectQuery("SELECT name").WillReturnRows(m.NewRows([]string{"name"}).AddRow(name))
}

// wantName reads the name. The mock refuses reads that it does not expect, so
// a name that comes without an expectation came from memory.
func wantName(t *testing.T, m *testdb.MockDB, want string) {
	t.Helper()
	var got string
	if err := m.QueryRow(readName).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Fatalf("read %q, want %q", got, want)
	}
}

// wantAsked checks that a read goes to the mock.
func wantAsked(t *testing.T, m *testdb.MockDB, name string) {
	t.Helper()
	expectName(m, name)
	wantName(t, m, name)
	if err := m.ExpectationsWereMet(); err != nil {
		t.Fatal(err)
	}
}

func TestReadIsAskedOnce(t *testing.T) {
	m := testdb.Mock(t, testdb.Tables("bakery"))
	wantAsked(t, m, "Rye")
	wantName(t, m, "Rye")
	wantName(t, m, "Rye")
	if s := m.CacheStats(); s.Hits != 2 || s.Stores != 1 {
		t.Errorf("%d hits and %d stores, want 2 and 1", s.Hits, s.Stores)
	}
}

func TestOwnWriteIsSeen(t *testing.T) {
	m := testdb.Mock(t, testdb.Tables("bakery", "city"))
	wantAsked(t, m, "Rye")
	m.ExpectExec("UPDATE city").WillReturnResult(sqlmock.NewResult(0, 1))
	if _, err := m.Exec("UPDATE city SET name = 'Riga'"); err != nil {
		t.Fatal(err)
	}
	wantName(t, m, "Rye") // another table
	m.ExpectExec("UPDATE bakery").WillReturnResult(sqlmock.NewResult(0, 1))
	if _, err := m.Exec("UPDATE bakery SET name = 'Spelt' WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	wantAsked(t, m, "Spelt")
}

func TestOtherTablesAreNotKept(t *testing.T) {
	m := testdb.Mock(t, testdb.Tables("city"))
	wantAsked(t, m, "Rye")
	wantAsked(t, m, "Rye")
}

func TestFlavors(t *testing.T) {
	for _, test := range []struct {
		flavor      dialects.Flavor
		name, query string
	}{
		{dialects.Postgres, "sales.Bakery", `SELECT name FROM sales."Bakery" WHERE id = $1`},
		{dialects.MySQL, "Bakery", "SELECT name FROM `bakery` WHERE id = ? # and so on"},
		{dialects.SQLite, "bakery", "SELECT name FROM [Bakery] WHERE id = ?1"},
	} {
		t.Run(test.query, func(t *testing.T) {
			m := testdb.Mock(t, testdb.Flavor(test.flavor), testdb.Tables(test.name), testdb.QueryMatcher(sqlmock.QueryMatcherEqual))
			m.ExpectQuery(test.query).WithArgs(7).WillReturnRows(m.NewRows([]string{"name"}).AddRow("Rye"))
			for range 2 {
				var name string
				if err := m.QueryRow(test.query, 7).Scan(&name); err != nil {
					t.Fatal(err)
				}
			}
			m.Feed.Change(test.name)
			if err := m.QueryRow(test.query, 7).Scan(new(string)); err == nil {
				t.Error("the second read after a change was answered from memory")
			}
		})
	}
}

// TestNothingOfItsOwn sets one expectation that any statement would meet. It
// must be left: nobody but the program uses the mock.
func TestNothingOfItsOwn(t *testing.T) {
	for name, trap := range map[string]func(m sqlmock.Sqlmock){
		"ping":    func(m sqlmock.Sqlmock) { m.ExpectPing() },
		"query":   func(m sqlmock.Sqlmock) { m.ExpectQuery(".") },
		"exec":    func(m sqlmock.Sqlmock) { m.ExpectExec(".") },
		"prepare": func(m sqlmock.Sqlmock) { m.ExpectPrepare(".") },
		"begin":   func(m sqlmock.Sqlmock) { m.ExpectBegin() },
		"close":   func(m sqlmock.Sqlmock) { m.ExpectClose() },
	} {
		t.Run(name, func(t *testing.T) {
			m := testdb.Mock(&ignoring{TB: t}, testdb.MonitorPings(), testdb.Unordered(), testdb.Tables("bakery"))
			trap(m)
			if _, err := m.Explain(t.Context(), readName, 1); err != nil {
				t.Error(err)
			}
			if _, err := livesql.From(t.Context(), m.DB.DB); err != nil {
				t.Error(err)
			}
			for _, step := range []func(){
				func() { m.Feed.Change("bakery") }, func() { m.Feed.Reset("") }, func() { m.Feed.Lose(nil) }, m.Feed.Silence, m.Feed.Restore, m.Feed.Sync,
			} {
				step()
			}
			if err := m.ExpectationsWereMet(); err == nil {
				t.Error("somebody used the mock")
			}
		})
	}
}

// ignoring is a test that does not mind what testdb complains of.
type ignoring struct {
	testing.TB
}

func (i *ignoring) Errorf(format string, args ...any) { i.Logf(format, args...) }

// TestShapeOfCalls: a statement that the program prepares is prepared, one that
// it queries is queried, and a Ping is a Ping.
func TestShapeOfCalls(t *testing.T) {
	m := testdb.Mock(t, testdb.MonitorPings(), testdb.Tables("bakery"))
	wantAsked(t, m, "Rye")
	m.ExpectPing()
	if err := m.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.ExpectPrepare("SELECT name").ExpectQuery().WithArgs(1).WillReturnRows(m.NewRows([]string{"name"}).AddRow("Rye"))
	stmt, err := m.Prepare("SELECT name FROM bakery WHERE id = $1")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	for range 2 { // the second from memory
		if err := stmt.QueryRow(1).Scan(new(string)); err != nil {
			t.Fatal(err)
		}
	}
	m.ExpectClose()
	if err := m.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

func TestLeftExpectationsFailTheTest(t *testing.T) {
	tb := &recordTB{}
	m := testdb.Mock(tb, testdb.Tables("bakery"))
	expectName(m, "Rye")
	tb.finish()
	if len(tb.complaints) != 1 || !strings.Contains(tb.complaints[0], "remaining expectation") {
		t.Errorf("complaints %q, want one of a remaining expectation", tb.complaints)
	}
}

// TestCleanUpMeetsNoExpectation: a Close that the code under test owes is not
// made up for by the clean-up.
func TestCleanUpMeetsNoExpectation(t *testing.T) {
	tb := &recordTB{}
	testdb.Mock(tb).ExpectClose()
	tb.finish()
	if len(tb.complaints) != 1 || !strings.Contains(tb.complaints[0], "expecting database Close") {
		t.Errorf("complaints %q, want one of a missing Close", tb.complaints)
	}
}

func TestMocksAreForgotten(t *testing.T) {
	tb := &recordTB{}
	m := testdb.Mock(tb)
	tb.finish()
	again, err := sql.Open("sqlmock", m.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := again.Ping(); err == nil {
		t.Error("the mock can still be dialled after its test")
	}
}

func TestOptionsReachTheirPlace(t *testing.T) {
	m := testdb.Mock(t, testdb.Tables("bakery"), testdb.Unordered(),
		testdb.ValueConverter(upper{}), testdb.Options(livesql.ResultBytes(1)))
	m.ExpectExec("INSERT").WithArgs("RYE").WillReturnResult(sqlmock.NewResult(1, 1))
	wantAskedTooLarge := func() {
		t.Helper()
		var name string
		if err := m.QueryRow(readName).Scan(&name); err != nil || name != "RYE" {
			t.Fatalf("read %q, %v; want RYE", name, err)
		}
	}
	for range 2 { // nothing is kept: any result is too large
		expectName(m, "Rye")
		wantAskedTooLarge()
	}
	if _, err := m.Exec("INSERT INTO bakery VALUES ($1)", "Rye"); err != nil {
		t.Errorf("an expectation out of order: %v", err)
	}
}

// upper is a converter that can be told from the default one.
type upper struct{}

func (upper) ConvertValue(v any) (sqldriver.Value, error) {
	if s, ok := v.(string); ok {
		return strings.ToUpper(s), nil
	}
	return v, nil
}

func TestByName(t *testing.T) {
	m := testdb.Mock(t)
	db, err := sql.Open("livesql-sqlmock", m.DSN)
	if err != nil {
		t.Fatal(err)
	}
	m.ExpectQuery("SELECT 1").WillReturnRows(m.NewRows([]string{"one"}).AddRow(1))
	var one int
	if err := db.QueryRowContext(context.Background(), "SELECT 1").Scan(&one); err != nil || one != 1 {
		t.Errorf("read %d, %v; want 1", one, err)
	}
	m.ExpectClose()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
