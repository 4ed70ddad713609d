// Package marino reads the statements of MySQL and MariaDB with the parser
// github.com/sqlc-dev/marino, as a second opinion about what they mean: import
// it for its effect.
//
//	import _ "github.com/vantage-go/live/analyze/marino"
//
// Reads that the parser of livesql does not understand then depend on the
// tables that they name, and not on all whose names occur in them. A read about
// which the two disagree is not kept.
package marino

import (
	"sync"

	"github.com/sqlc-dev/marino/ast"
	"github.com/sqlc-dev/marino/parser"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/internal/astwalk"
)

func init() { dialects.RegisterParser(dialects.MySQL, Parser{}) }

// Parser implements [dialects.Parser].
type Parser struct{}

// pool holds parsers: one is not for use by several goroutines.
var pool = sync.Pool{New: func() any { return parser.New() }}

// Parse returns what a text says.
func (Parser) Parse(text string) (dialects.Parsed, error) {
	p := pool.Get().(*parser.Parser)
	statements, _, err := p.ParseSQL(text)
	if err != nil {
		return dialects.Parsed{}, err
	}
	// Not after a panic.
	defer pool.Put(p)
	parsed := dialects.Parsed{Statements: len(statements), Reads: true}
	for _, s := range statements {
		switch s.(type) {
		case *ast.SelectStmt, *ast.SetOprStmt:
		default:
			parsed.Reads = false
		}
	}
	g := &astwalk.Grammar{
		Table: table, With: with, Visible: visible,
		Fold: func(name string) string { return dialects.Fold(dialects.MySQL, name) },
		Visit: func(node any) bool {
			switch n := node.(type) {
			case *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt, *ast.SelectIntoOption:
				parsed.Reads = false
			case *ast.SelectLockInfo:
				parsed.Reads = parsed.Reads && n.LockType == ast.SelectLockNone
				return false // names aliases
			case *ast.FuncCallExpr:
				parsed.Functions = append(parsed.Functions, n.FnName.L)
			case *ast.MatchAgainst:
				parsed.Functions = append(parsed.Functions, "match")
			case *ast.VariableExpr:
				parsed.Functions = append(parsed.Functions, "@"+n.Name)
			case *ast.SelectStmtOpts:
				if n.CalcFoundRows {
					parsed.Functions = append(parsed.Functions, "found_rows")
				}
			case *ast.AggregateFuncExpr:
				parsed.Functions = append(parsed.Functions, dialects.Fold(dialects.MySQL, n.F))
			}
			return true
		},
	}
	parsed.Tables = g.Tables(statements)
	return parsed, nil
}

func table(node any) (dialects.Table, bool) {
	n, ok := node.(*ast.TableName)
	if !ok || n.IsAlias {
		return dialects.Table{}, false
	}
	return dialects.Table{Schema: n.Schema.O, Name: n.Name.O}, true
}

func with(node any) (any, []astwalk.Expression) {
	var w *ast.WithClause
	switch n := node.(type) {
	case *ast.SelectStmt:
		w = n.With
	case *ast.SetOprStmt:
		w = n.With
	case *ast.SetOprSelectList:
		w = n.With
	case *ast.UpdateStmt:
		w = n.With
	case *ast.DeleteStmt:
		w = n.With
	}
	if w == nil {
		return nil, nil
	}
	var expressions []astwalk.Expression
	for _, e := range w.CTEs {
		expressions = append(expressions, astwalk.Expression{Name: e.Name.O, Body: e.Query})
	}
	return w, expressions
}

// visible: an expression sees those before it, and with RECURSIVE itself.
func visible(w any, i, k int) bool { return k < i || k == i && w.(*ast.WithClause).IsRecursive }
