// Package astwalk finds the tables and functions in a syntax tree of whatever
// parser, by reflection. It keeps track of which names are common table
// expressions, and knows nothing of SQL besides; what nodes mean, a [Grammar]
// says.
package astwalk

import (
	"reflect"

	"github.com/vantage-go/live/dialects"
)

// Grammar says what the nodes of a tree mean. Nodes are given as pointers to
// structs; functions may be nil.
type Grammar struct {
	// Table returns the table that a node names.
	Table func(node any) (dialects.Table, bool)
	// With returns the common table expressions of a node.
	With func(node any) (with any, expressions []Expression)
	// Visible reports whether, in the body of the expression at i, the name of
	// that at k means the expression.
	Visible func(with any, i, k int) bool
	// Visit is called for every node. It returns false to skip what is below.
	Visit func(node any) bool
	// Fold returns the form in which names are compared.
	Fold func(name string) string
}

// Expression is one common table expression.
type Expression struct {
	Name string
	Body any
}

// Tables returns the tables that are named below root, each as often as it is
// named.
func (g *Grammar) Tables(root any) []dialects.Table {
	w := walker{Grammar: g, seen: make(map[any]bool)}
	w.walk(reflect.ValueOf(root), nil)
	return w.tables
}

type walker struct {
	*Grammar
	tables []dialects.Table
	seen   map[any]bool
}

type scope struct {
	outer *scope
	name  string
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.outer {
		if s.name == name {
			return true
		}
	}
	return false
}

func (w *walker) walk(v reflect.Value, sc *scope) {
	switch v.Kind() {
	case reflect.Interface:
		w.walk(v.Elem(), sc)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			w.walk(v.Index(i), sc)
		}
	case reflect.Pointer:
		if v.IsNil() || v.Elem().Kind() != reflect.Struct || !v.CanInterface() || w.seen[v.Interface()] {
			return
		}
		w.seen[v.Interface()] = true
		w.node(v, sc)
	case reflect.Struct:
		w.fields(v, nil, sc)
	default:
	}
}

func (w *walker) node(v reflect.Value, sc *scope) {
	node := v.Interface()
	if w.Visit != nil && !w.Visit(node) {
		return
	}
	if t, ok := w.Table(node); ok && (t.Schema != "" || !sc.has(w.Fold(t.Name))) {
		w.tables = append(w.tables, t)
	}
	var with any
	if w.With != nil {
		var expressions []Expression
		with, expressions = w.With(node)
		outer := sc
		for i, e := range expressions {
			inside := outer
			for k, other := range expressions {
				if w.Visible(with, i, k) {
					inside = &scope{inside, w.Fold(other.Name)}
				}
			}
			w.walk(reflect.ValueOf(e.Body), inside)
			sc = &scope{sc, w.Fold(e.Name)}
		}
	}
	w.fields(v.Elem(), with, sc)
}

// fields walks the exported fields of a struct other than the one that is with.
func (w *walker) fields(v reflect.Value, with any, sc *scope) {
	for i := range v.NumField() {
		f := v.Field(i)
		if !v.Type().Field(i).IsExported() || with != nil && f.Kind() == reflect.Pointer && f.Interface() == with {
			continue
		}
		w.walk(f, sc)
	}
}
