package sqlstore

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"regexp"
	"strings"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
)

// fault is what an error of a database means.
type fault struct {
	state      edit.State // Failed, Transient, Locked or Unavailable
	kind       error      // of a failure, one of edit's
	constraint string
	columns    []string
	detail     string
}

// understand tells what an error means. What it does not know is a failure:
// sending it again would fail again.
func understand(e engine, err error) fault {
	switch {
	case lost(err):
		return fault{state: edit.Unavailable}
	case outdated(err):
		return fault{state: edit.Transient}
	}
	switch e.(type) {
	case *postgres:
		return postgresFault(err)
	case mysql:
		return mysqlFault(err)
	}
	return sqliteFault(err)
}

// Outcome tells what an error of a database means for an operation that it has
// ended.
func Outcome(flavor dialects.Flavor, t *edit.Table, err error) edit.Outcome {
	f := understand(engineOf(flavor), err)
	return edit.Outcome{State: f.state, Err: f.failure(t, err)}
}

// lost reports whether an error is one of the connection.
func lost(err error) bool {
	var n net.Error
	return errors.Is(err, sqldriver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &n) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		strings.Contains(err.Error(), "invalid connection") || strings.Contains(err.Error(), "conn closed") || hungUp(err)
}

// hungUp reports whether the server has ended the connection, or has told a pooler
// so that stands before it: because it is shut down, because somebody has ended it, or
// because another of its processes has died. That may happen when a transaction is
// committed, and its end is not yet told.
func hungUp(err error) bool {
	if number := part(err, "Number"); number.IsValid() && number.CanUint() {
		return number.Uint() == 1053 || number.Uint() == 1927
	}
	code, ok := sqlState(err)
	if !ok {
		return false
	}
	severity := text(err, "SeverityUnlocalized")
	if severity == "" {
		severity = text(err, "Severity") // in the server's language, English where there is no other
	}
	switch {
	case code == "57P01", code == "57P02":
		return true
	case severity != "FATAL" && severity != "PANIC":
		return false
	}
	// What is said to who is not let in ends nothing.
	for _, prefix := range []string{"28", "3D", "42", "0A", "57P03", "53300"} {
		if strings.HasPrefix(code, prefix) {
			return false
		}
	}
	return true
}

// sqlState returns the code by which a server of Postgres tells what was wrong.
func sqlState(err error) (string, bool) {
	var coded interface{ SQLState() string }
	if !errors.As(err, &coded) {
		return "", false
	}
	return coded.SQLState(), true
}

// answered reports whether it was a server of Postgres that refused a statement.
func answered(err error) bool {
	_, ok := sqlState(err)
	return ok
}

// failure makes an error for the caller.
func (f fault) failure(t *edit.Table, err error) error {
	switch {
	case f.kind == nil:
		return err
	case !errors.Is(f.kind, edit.ErrConstraint):
		return fmt.Errorf("%w: %w", f.kind, err)
	}
	c := &edit.ConstraintError{
		Kind: f.kind, Table: t.Name, Constraint: f.constraint, Columns: f.columns, Detail: f.detail, Err: err,
	}
	for _, name := range f.columns {
		if _, ok := t.Plan().Index(name); ok {
			c.Fields = append(c.Fields, name)
		}
	}
	return c
}

// part returns a field of a driver's error by its name: drivers have them
// under these names, and no methods for them.
func part(err error, names ...string) reflect.Value {
	for ; err != nil; err = errors.Unwrap(err) {
		v := reflect.ValueOf(err)
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			continue
		}
		for _, name := range names {
			if f := v.FieldByName(name); f.IsValid() {
				return f
			}
		}
	}
	return reflect.Value{}
}

func text(err error, names ...string) string {
	if f := part(err, names...); f.IsValid() && f.Kind() == reflect.String {
		return f.String()
	}
	return ""
}

// outdated reports whether a prepared statement is of no use since a table has
// changed.
func outdated(err error) bool {
	if text(err, "Routine") == "RevalidateCachedQuery" {
		return true
	}
	number := part(err, "Number")
	return number.IsValid() && number.CanUint() && number.Uint() == 1615
}

func postgresFault(err error) fault {
	code, ok := sqlState(err)
	if !ok {
		return fault{state: edit.Failed}
	}
	f := fault{
		state: edit.Failed, constraint: text(err, "Constraint", "ConstraintName"), detail: text(err, "Detail"),
	}
	if column := text(err, "Column", "ColumnName"); column != "" {
		f.columns = []string{column}
	}
	switch {
	case code == "23505", code == "23P01":
		f.kind = edit.ErrDuplicate
	case code == "23503":
		f.kind = edit.ErrForeignKey
	case code == "23502":
		f.kind = edit.ErrNotNull
	case code == "23514":
		f.kind = edit.ErrCheck
	case strings.HasPrefix(code, "23"):
		f.kind = edit.ErrConstraint
	case strings.HasPrefix(code, "22"):
		f.kind = edit.ErrInvalid
	case code == "42501":
		f.kind = edit.ErrDenied
	case code == "25006":
		f.state, f.kind = edit.Unavailable, edit.ErrReadOnly // after a failover it passes
	case code == "42P01", code == "42703", code == "42804":
		f.kind = edit.ErrSchemaChanged
	case code == "55P03":
		f.state = edit.Locked
	case code == "40001", code == "40P01", code == "57014":
		f.state = edit.Transient
	case strings.HasPrefix(code, "57P"), strings.HasPrefix(code, "08"), strings.HasPrefix(code, "53"):
		f.state = edit.Unavailable
	}
	if len(f.columns) == 0 {
		f.columns = keyInDetail(f.detail)
	}
	return f
}

// detailKey finds the columns in "Key (a, b)=(…) already exists.", in any
// language.
var detailKey = regexp.MustCompile(`\(([^()=]+)\)=\(`)

func keyInDetail(detail string) []string {
	m := detailKey.FindStringSubmatch(detail)
	if m == nil {
		return nil
	}
	var columns []string
	for name := range strings.SplitSeq(m[1], ",") {
		columns = append(columns, strings.Trim(strings.TrimSpace(name), `"`))
	}
	return columns
}

var (
	mysqlKey    = regexp.MustCompile(`for key '(?:[^'.]*\.)?([^']*)'`)
	mysqlColumn = regexp.MustCompile(`[Cc]olumn '([^']*)'`)
	mysqlField  = regexp.MustCompile(`Field '([^']*)'`)
	mysqlFK     = regexp.MustCompile(`FOREIGN KEY \(([^)]*)\)`)
	mysqlCheck  = regexp.MustCompile("CONSTRAINT `(?:[^`]*`\\.`[^`]*`\\.`)?([^`]*)` failed|[Cc]heck constraint '([^']*)'")
)

func mysqlFault(err error) fault {
	number := part(err, "Number")
	if !number.IsValid() || !number.CanUint() {
		return fault{state: edit.Failed}
	}
	message := text(err, "Message")
	f := fault{state: edit.Failed}
	match := func(re *regexp.Regexp) string {
		m := re.FindStringSubmatch(message)
		for _, s := range m[min(1, len(m)):] {
			if s != "" {
				return s
			}
		}
		return ""
	}
	one := func(column string) {
		if column != "" {
			f.columns = []string{column}
		}
	}
	switch number.Uint() {
	case 1062, 1586:
		f.kind, f.constraint, f.detail = edit.ErrDuplicate, match(mysqlKey), message
	case 1048:
		f.kind = edit.ErrNotNull
		one(match(mysqlColumn))
	case 1364:
		f.kind = edit.ErrNotNull
		one(match(mysqlField))
	case 1451, 1452, 1216, 1217:
		f.kind = edit.ErrForeignKey
		for name := range strings.SplitSeq(match(mysqlFK), ",") {
			if name = strings.Trim(strings.TrimSpace(name), "`"); name != "" && number.Uint() == 1452 {
				f.columns = append(f.columns, name)
			}
		}
	case 4025, 3819:
		f.kind, f.constraint = edit.ErrCheck, match(mysqlCheck)
		one(f.constraint) // the check of a column has its name
	case 1264, 1265, 1292, 1366, 1406, 1411, 3140, 4038:
		f.kind = edit.ErrInvalid
		one(match(mysqlColumn))
	case 1044, 1045, 1142, 1143:
		f.kind = edit.ErrDenied
	case 1054, 1146:
		f.kind = edit.ErrSchemaChanged
	case 1205, 3572:
		f.state = edit.Locked
	case 1213, 1020:
		f.state = edit.Transient
	case 1290, 1836, 1040, 1053, 1203, 1927, 2006, 2013, 3168:
		f.state = edit.Unavailable
	}
	return f
}

var sqliteColumns = regexp.MustCompile(`(UNIQUE|NOT NULL) constraint failed: ([^()]*)`)

func sqliteFault(err error) fault {
	code := -1
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		code = coded.Code()
	} else if f := part(err, "ExtendedCode"); f.IsValid() && f.CanInt() {
		code = int(f.Int())
	}
	f := fault{state: edit.Failed}
	if m := sqliteColumns.FindStringSubmatch(err.Error()); m != nil {
		for name := range strings.SplitSeq(strings.TrimSpace(m[2]), ",") {
			name = strings.TrimSpace(name)
			f.columns = append(f.columns, name[strings.LastIndex(name, ".")+1:])
		}
	}
	switch code & 0xff {
	case 5, 6: // BUSY, LOCKED
		f.state = edit.Unavailable // the whole file is
	case 8:
		f.kind = edit.ErrReadOnly
	case 19:
		switch code {
		case 2067, 1555, 2579:
			f.kind = edit.ErrDuplicate
		case 787:
			f.kind = edit.ErrForeignKey
		case 1299:
			f.kind = edit.ErrNotNull
		case 275:
			f.kind = edit.ErrCheck
			if _, name, ok := strings.Cut(err.Error(), "CHECK constraint failed: "); ok {
				f.constraint, _, _ = strings.Cut(name, " (")
			}
		case 3091:
			f.kind = edit.ErrInvalid
		default:
			f.kind = edit.ErrConstraint
		}
	case 10, 13, 14: // IOERR, FULL, CANTOPEN
		f.state = edit.Unavailable
	}
	return f
}
