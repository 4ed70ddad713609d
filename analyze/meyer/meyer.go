// Package meyer reads the statements of SQLite with the parser
// github.com/sqlc-dev/meyer, as a second opinion about what they mean, next to
// SQLite's own: import it for its effect.
//
//	import _ "github.com/vantage-go/live/analyze/meyer"
//
// Reads that the parser of livesql does not understand then depend on the
// tables that they name, and not on all whose names occur in them. A read about
// which the two disagree is not kept.
package meyer

import (
	"strings"

	"github.com/sqlc-dev/meyer/ast"
	"github.com/sqlc-dev/meyer/parser"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/internal/astwalk"
)

func init() { dialects.RegisterParser(dialects.SQLite, Parser{}) }

// Parser implements [dialects.Parser].
type Parser struct{}

// Parse returns what a text says.
func (Parser) Parse(text string) (dialects.Parsed, error) {
	statements, err := parser.ParseString(text)
	if err != nil {
		return dialects.Parsed{}, err
	}
	parsed := dialects.Parsed{Statements: len(statements), Reads: true}
	for _, s := range statements {
		if _, ok := s.(*ast.SelectStmt); !ok {
			parsed.Reads = false
		}
	}
	g := &astwalk.Grammar{
		Table: table, With: with, Fold: strings.ToLower,
		// All expressions of a WITH see each other.
		Visible: func(any, int, int) bool { return true },
		Visit: func(node any) bool {
			switch n := node.(type) {
			case *ast.FuncCall:
				parsed.Functions = append(parsed.Functions, strings.ToLower(n.Name.Name))
			case *ast.LikeExpr:
				parsed.Functions = append(parsed.Functions, strings.ToLower(n.Op.Name))
			}
			return true
		},
	}
	parsed.Tables = g.Tables(statements)
	return parsed, nil
}

// table returns the table that a node names. A name with arguments may be that
// of a virtual table, which only the catalogue can tell.
func table(node any) (dialects.Table, bool) {
	var name *ast.QualifiedName
	switch n := node.(type) {
	case *ast.TableRef:
		name = n.Name
	case *ast.InExpr:
		name = n.Table
	case *ast.InsertStmt:
		name = n.Table
	case *ast.UpdateStmt:
		name = n.Table
	case *ast.DeleteStmt:
		name = n.Table
	}
	if name == nil {
		return dialects.Table{}, false
	}
	t := dialects.Table{Name: name.Name.Name}
	if name.Schema != nil {
		t.Schema = name.Schema.Name
	}
	return t, true
}

func with(node any) (any, []astwalk.Expression) {
	var w *ast.With
	switch n := node.(type) {
	case *ast.SelectStmt:
		w = n.With
	case *ast.InsertStmt:
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
		expressions = append(expressions, astwalk.Expression{Name: e.Name.Name, Body: e.Select})
	}
	return w, expressions
}
