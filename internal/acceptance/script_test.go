package acceptance_test

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"

	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/internal/rowmap"
)

// catalogue is what a database would tell of the tables.
var catalogue = map[string][]edit.Column{
	"client": {
		{Name: "id", Kind: rowmap.Int, Type: "bigint", Key: true, Default: true},
		text("name"), text("email"), text("phone"),
		{Name: "paying", Kind: rowmap.Bool, Type: "boolean"},
		{Name: "version", Kind: rowmap.Int, Type: "bigint"},
	},
	"bakery": {
		{Name: "id", Kind: rowmap.Int, Type: "bigint", Key: true, Default: true},
		text("name"),
		{Name: "margin", Kind: rowmap.Int, Type: "integer"},
		{Name: "version", Kind: rowmap.Int, Type: "bigint"},
	},
	"product": {
		{Name: "id", Kind: rowmap.Int, Type: "bigint", Key: true, Default: true},
		text("name"),
		{Name: "price", Kind: rowmap.Int, Type: "integer"},
		{Name: "inventory", Kind: rowmap.JSONB, Type: "jsonb"},
		{Name: "version", Kind: rowmap.Int, Type: "bigint"},
	},
}

func text(name string) edit.Column {
	return edit.Column{Name: name, Kind: rowmap.Text, Type: "character varying"}
}

// script is what a mocked database is asked, and answers. Without one, its
// methods do nothing.
type script struct {
	testing.TB
	sqlmock.Sqlmock
	prepared map[string]bool
}

func newScript(tb testing.TB) (*sql.DB, *script) {
	tb.Helper()
	db, mock, err := sqlmock.New(sqlmock.QueryMatcherOption(sqlmock.QueryMatcherFunc(inOrder)))
	if err != nil {
		tb.Fatal(err)
	}
	s := &script{tb, mock, make(map[string]bool)}
	tb.Cleanup(func() {
		if err := mock.ExpectationsWereMet(); err != nil {
			tb.Error(err)
		}
	})
	s.ExpectExec("SET lock_timeout").WillReturnResult(sqlmock.NewResult(0, 0))
	s.ExpectExec("SET SESSION CHARACTERISTICS").WillReturnResult(sqlmock.NewResult(0, 0))
	s.ExpectExec("SET plan_cache_mode").WillReturnResult(sqlmock.NewResult(0, 0))
	return db, s
}

// inOrder requires the parts of a pattern, between dots, in this order.
func inOrder(pattern, statement string) error {
	rest := statement
	for i, p := range strings.Split(pattern, " .. ") {
		at := strings.Index(rest, p)
		if at < 0 || i == 0 && at > 0 {
			return fmt.Errorf("%q is not like %q", statement, pattern)
		}
		rest = rest[at+len(p):]
	}
	return nil
}

// query expects a statement, which is prepared the first time.
func (s *script) query(pattern string) *sqlmock.ExpectedQuery {
	if s.prepared[pattern] {
		return s.ExpectQuery(pattern)
	}
	s.prepared[pattern] = true
	return s.ExpectPrepare(pattern).ExpectQuery()
}

func (s *script) exec(statement string) {
	s.ExpectExec(statement).WillReturnResult(sqlmock.NewResult(0, 0))
}

// tableOf is the table of a row, and its columns.
func tableOf(row any) (table string, columns []string, values []any) {
	v := reflect.ValueOf(row)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("db"), ",")
		columns = append(columns, name)
		value := v.Field(i).Interface()
		if doc, ok := value.(inventory); ok {
			text, _ := doc.Value()
			value = text
		}
		values = append(values, value)
	}
	return v.Type().Name(), columns, values
}

// rows answers with rows of one type; the first only says which.
func rows(like any, all ...any) *sqlmock.Rows {
	_, columns, _ := tableOf(like)
	r := sqlmock.NewRows(columns)
	for _, row := range all {
		_, _, values := tableOf(row)
		converted := make([]any, len(values))
		copy(converted, values)
		r.AddRow(asDriver(converted)...)
	}
	return r
}

// read expects that a row is read.
func (s *script) read(row any) {
	if s == nil {
		return
	}
	table, _, _ := tableOf(row)
	s.query(`SELECT "id", .. FROM "` + table + `" WHERE "id" =`).WillReturnRows(rows(row, row))
}

func updating(row any, set []string) string {
	table, _, _ := tableOf(row)
	var names []string
	for _, column := range set {
		names = append(names, `"`+column+`" = `)
	}
	return `UPDATE "` + table + `" SET ` + strings.Join(names, " .. ") + ` .. "version" = "version" + 1 WHERE "id" =`
}

// updates expects that these columns and no others are written, after which
// the row is this one.
func (s *script) updates(row any, set ...string) {
	if s == nil {
		return
	}
	s.query(updating(row, set)).WillReturnRows(rows(row, row))
}

// updatesNone expects an update that finds no such version of the row. What
// the row is now, is asked for; gone if it is no more.
func (s *script) updatesNone(now any, gone bool, set ...string) {
	if s == nil {
		return
	}
	s.query(updating(now, set)).WillReturnRows(rows(now))
	s.begin()
	s.exec("SAVEPOINT")
	answer := rows(now)
	if !gone {
		answer = rows(now, now)
	}
	table, _, _ := tableOf(now)
	s.query(`SELECT t."id" .. FROM "` + table + `" AS t JOIN .. FOR NO KEY UPDATE OF t`).WillReturnRows(answer)
}

func (s *script) begin() {
	s.exec("BEGIN")
	s.query("SELECT pg_current_xact_id()").WillReturnRows(sqlmock.NewRows([]string{"id"}).AddRow("7"))
}

// conflicts expects an update of a row that others have changed in the same
// columns.
func (s *script) conflicts(now any, set ...string) {
	if s == nil {
		return
	}
	s.updatesNone(now, false, set...)
	s.exec("COMMIT")
}

// vanished expects an update of a row that is gone.
func (s *script) vanished(like any, set ...string) {
	if s == nil {
		return
	}
	s.updatesNone(like, true, set...)
	s.exec("COMMIT")
}

// rebases expects an update of a row that others have changed elsewhere: it is
// merged with what they have made of it.
func (s *script) rebases(now, after any, set ...string) {
	if s == nil {
		return
	}
	s.updatesNone(now, false, set...)
	// The row is locked: its version need not be compared.
	s.query(updating(after, set) + " .. RETURNING").WillReturnRows(rows(after, after))
	s.exec("COMMIT")
}

// refuses expects an update that the database refuses.
func (s *script) refuses(like any, code refusal, set ...string) {
	if s == nil {
		return
	}
	s.query(updating(like, set)).WillReturnError(code)
}

// inserts expects an insert, after which the row is this one.
func (s *script) inserts(row any) {
	if s == nil {
		return
	}
	s.begin()
	table, _, _ := tableOf(row)
	s.query(`INSERT INTO "` + table + `" ( .. RETURNING "id"`).WillReturnRows(rows(row, row))
	s.exec("COMMIT")
}

// asDriver are values as a driver returns them.
func asDriver(values []any) []sqldriver.Value {
	all := make([]sqldriver.Value, len(values))
	for i, v := range values {
		if n, ok := v.(int); ok {
			v = int64(n)
		}
		all[i] = v
	}
	return all
}

// refusal is an error of the database with a code of SQL.
type refusal string

func (r refusal) Error() string    { return "refused: " + string(r) }
func (r refusal) SQLState() string { return string(r) }
