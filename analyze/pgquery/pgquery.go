// Package pgquery reads the statements of Postgres with Postgres' own parser,
// as a second opinion about what they mean: import it for its effect. It needs
// cgo, a C compiler, and about a minute of processor time to build, once.
//
//	import _ "github.com/vantage-go/live/analyze/pgquery"
//
// Reads that the parser of livesql does not understand then depend on the
// tables that they name, and not on all whose names occur in them. A read about
// which the two disagree is not kept.
package pgquery

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/internal/astwalk"
)

func init() { dialects.RegisterParser(dialects.Postgres, Parser{}) }

// Parser implements [dialects.Parser].
type Parser struct{}

// Parse returns what a text says.
func (Parser) Parse(text string) (dialects.Parsed, error) {
	tree, err := pg.Parse(text)
	if err != nil {
		return dialects.Parsed{}, err
	}
	parsed := dialects.Parsed{Statements: len(tree.Stmts), Reads: true}
	for _, s := range tree.Stmts {
		if s.GetStmt().GetSelectStmt() == nil {
			parsed.Reads = false
		}
	}
	g := &astwalk.Grammar{
		Table: table, With: with, Visible: visible,
		Fold: func(name string) string { return name },
		Visit: func(node any) bool {
			switch n := node.(type) {
			case *pg.InsertStmt, *pg.UpdateStmt, *pg.DeleteStmt, *pg.MergeStmt, *pg.IntoClause:
				parsed.Reads = false
			case *pg.LockingClause:
				parsed.Reads = false
				return false // names aliases
			case *pg.FuncCall:
				parsed.Functions = append(parsed.Functions, functionName(n))
			case *pg.RangeTableSample:
				parsed.Functions = append(parsed.Functions, "tablesample")
			case *pg.SQLValueFunction:
				parsed.Functions = append(parsed.Functions, strings.ToLower(strings.TrimPrefix(n.Op.String(), "SVFOP_")))
			}
			return true
		},
	}
	parsed.Tables = g.Tables(tree)
	return parsed, nil
}

func table(node any) (dialects.Table, bool) {
	r, ok := node.(*pg.RangeVar)
	if !ok {
		return dialects.Table{}, false
	}
	return dialects.Table{Schema: r.Schemaname, Name: r.Relname}, true
}

// with returns the WITH of a statement.
func with(node any) (any, []astwalk.Expression) {
	n, ok := node.(interface{ GetWithClause() *pg.WithClause })
	if !ok || n.GetWithClause() == nil {
		return nil, nil
	}
	w := n.GetWithClause()
	var expressions []astwalk.Expression
	for _, e := range w.Ctes {
		cte := e.GetCommonTableExpr()
		expressions = append(expressions, astwalk.Expression{Name: cte.Ctename, Body: cte.Ctequery})
	}
	return w, expressions
}

// visible: with RECURSIVE, expressions see each other.
func visible(w any, i, k int) bool { return k < i || w.(*pg.WithClause).Recursive }

func functionName(n *pg.FuncCall) string {
	var parts []string
	for _, p := range n.Funcname {
		parts = append(parts, p.GetString_().GetSval())
	}
	return strings.TrimPrefix(strings.Join(parts, "."), "pg_catalog.")
}
