package driver_test

import (
	sqldriver "database/sql/driver"
	"reflect"
)

// The optional methods one by one, so that a fake can be shown with some of
// them only: a struct that embeds these interfaces has their methods and no
// others.
type (
	execer interface { // sqldriver.Execer
		Exec(query string, args []sqldriver.Value) (sqldriver.Result, error)
	}
	queryer interface { // sqldriver.Queryer
		Query(query string, args []sqldriver.Value) (sqldriver.Rows, error)
	}
	converter interface { // sqldriver.ColumnConverter
		ColumnConverter(index int) sqldriver.ValueConverter
	}
	nextSet interface {
		HasNextResultSet() bool
		NextResultSet() error
	}
	scanType interface{ ColumnTypeScanType(index int) reflect.Type }
	typeName interface{ ColumnTypeDatabaseTypeName(index int) string }
	length   interface{ ColumnTypeLength(index int) (int64, bool) }
	nullable interface {
		ColumnTypeNullable(index int) (nullable, ok bool)
	}
	precisionScale interface {
		ColumnTypePrecisionScale(index int) (precision, scale int64, ok bool)
	}

	conn0     = sqldriver.Conn
	preparer  = sqldriver.ConnPrepareContext
	beginner  = sqldriver.ConnBeginTx
	ctxExec   = sqldriver.ExecerContext
	ctxQuery  = sqldriver.QueryerContext
	pinger    = sqldriver.Pinger
	resetter  = sqldriver.SessionResetter
	validator = sqldriver.Validator
	checker   = sqldriver.NamedValueChecker

	stmtExec  = sqldriver.StmtExecContext
	stmtQuery = sqldriver.StmtQueryContext
)

type shape struct {
	name string
	look look
}

// shapes are drivers that differ in what they implement. Every optional
// interface is missing from at least one that has all others.
func shapes() []shape {
	conn := func(f func(c *fakeConn) sqldriver.Conn) look { return look{conn: f} }
	stmt := func(f func(s *fakeStmt) sqldriver.Stmt) look { return look{stmt: f} }
	rows := func(f func(r *fakeRows) sqldriver.Rows) look { return look{rows: f} }
	return []shape{
		{"full", look{}},
		{"bare", look{
			conn: func(c *fakeConn) sqldriver.Conn { return struct{ conn0 }{c} },
			stmt: func(s *fakeStmt) sqldriver.Stmt { return struct{ sqldriver.Stmt }{s} },
			rows: func(r *fakeRows) sqldriver.Rows { return struct{ sqldriver.Rows }{r} },
		}},
		{"legacy", look{
			conn: func(c *fakeConn) sqldriver.Conn {
				return struct {
					conn0
					execer
					queryer
				}{c, c, c}
			},
			stmt: func(s *fakeStmt) sqldriver.Stmt {
				return struct {
					sqldriver.Stmt
					converter
				}{s, s}
			},
		}},
		{"legacy exec", conn(func(c *fakeConn) sqldriver.Conn {
			return struct {
				conn0
				execer
				checker
			}{c, c, c}
		})},
		{"exec without query", look{
			conn: func(c *fakeConn) sqldriver.Conn {
				return struct {
					conn0
					preparer
					beginner
					ctxExec
					pinger
					resetter
					validator
					checker
				}{c, c, c, c, c, c, c, c}
			},
			stmt: func(s *fakeStmt) sqldriver.Stmt {
				return struct {
					sqldriver.Stmt
					converter
				}{s, s}
			},
		}},
		{"query without exec", conn(func(c *fakeConn) sqldriver.Conn {
			return struct {
				conn0
				preparer
				beginner
				ctxQuery
				pinger
				resetter
				validator
				checker
			}{c, c, c, c, c, c, c, c}
		})},
		{"no prepare context", conn(func(c *fakeConn) sqldriver.Conn {
			return struct {
				conn0
				beginner
				ctxExec
				ctxQuery
				pinger
				resetter
				validator
				checker
			}{c, c, c, c, c, c, c, c}
		})},
		{"no begin context", conn(func(c *fakeConn) sqldriver.Conn {
			return struct {
				conn0
				preparer
				ctxExec
				ctxQuery
				pinger
				resetter
				validator
				checker
			}{c, c, c, c, c, c, c, c}
		})},
		{"no pinger", conn(func(c *fakeConn) sqldriver.Conn {
			return struct {
				conn0
				preparer
				beginner
				ctxExec
				ctxQuery
				resetter
				validator
				checker
			}{c, c, c, c, c, c, c, c}
		})},
		{"no resetter", conn(func(c *fakeConn) sqldriver.Conn {
			return struct {
				conn0
				preparer
				beginner
				ctxExec
				ctxQuery
				pinger
				validator
				checker
			}{c, c, c, c, c, c, c, c}
		})},
		{"no validator", conn(func(c *fakeConn) sqldriver.Conn {
			return struct {
				conn0
				preparer
				beginner
				ctxExec
				ctxQuery
				pinger
				resetter
				checker
			}{c, c, c, c, c, c, c, c}
		})},
		{"no checker", conn(func(c *fakeConn) sqldriver.Conn {
			return struct {
				conn0
				preparer
				beginner
				ctxExec
				ctxQuery
				pinger
				resetter
				validator
			}{c, c, c, c, c, c, c, c}
		})},
		{"plain statements", stmt(func(s *fakeStmt) sqldriver.Stmt { return struct{ sqldriver.Stmt }{s} })},
		{"statements with contexts", stmt(func(s *fakeStmt) sqldriver.Stmt {
			return struct {
				sqldriver.Stmt
				stmtExec
				stmtQuery
			}{s, s, s}
		})},
		{"statements with a checker", stmt(func(s *fakeStmt) sqldriver.Stmt {
			return struct {
				sqldriver.Stmt
				stmtQuery
				checker
			}{s, s, s}
		})},
		{"statements with a converter", stmt(func(s *fakeStmt) sqldriver.Stmt {
			return struct {
				sqldriver.Stmt
				stmtExec
				converter
			}{s, s, s}
		})},
		{"plain rows", rows(func(r *fakeRows) sqldriver.Rows { return struct{ sqldriver.Rows }{r} })},
		{"rows with sets", rows(func(r *fakeRows) sqldriver.Rows {
			return struct {
				sqldriver.Rows
				nextSet
			}{r, r}
		})},
		{"rows with scan types", rows(func(r *fakeRows) sqldriver.Rows {
			return struct {
				sqldriver.Rows
				scanType
			}{r, r}
		})},
		{"rows with type names", rows(func(r *fakeRows) sqldriver.Rows {
			return struct {
				sqldriver.Rows
				typeName
			}{r, r}
		})},
		{"rows with lengths", rows(func(r *fakeRows) sqldriver.Rows {
			return struct {
				sqldriver.Rows
				length
			}{r, r}
		})},
		{"rows with nullables", rows(func(r *fakeRows) sqldriver.Rows {
			return struct {
				sqldriver.Rows
				nullable
			}{r, r}
		})},
		{"rows with precisions", rows(func(r *fakeRows) sqldriver.Rows {
			return struct {
				sqldriver.Rows
				precisionScale
			}{r, r}
		})},
	}
}
