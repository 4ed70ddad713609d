package core_test

import (
	"fmt"

	"github.com/vantage-go/live/cache/core"
	"github.com/vantage-go/live/dialects"
)

const (
	tableCount = 3
	keyCount   = 3 // rows of a table that have a name
)

func tableOf(i int) dialects.Table {
	return dialects.Table{Schema: "main", Name: fmt.Sprint("t", i)}
}

// rows are rows of one table: a bit for each key, or any.
type rows uint8

const anyRow rows = 1 << keyCount

func (r rows) touch(s rows) bool { return r != 0 && s != 0 && ((r|s)&anyRow != 0 || r&s != 0) }

func (r rows) keys() []dialects.Key {
	if r&anyRow != 0 {
		return nil
	}
	var keys []dialects.Key
	for i := range keyCount {
		if r&(1<<i) != 0 {
			keys = append(keys, dialects.Key(fmt.Sprint(i)))
		}
	}
	return keys
}

// scope is what a statement depends on, or a commit changed: rows of each table.
type scope [tableCount]rows

func (s scope) touch(t scope) bool {
	for i := range s {
		if s[i].touch(t[i]) {
			return true
		}
	}
	return false
}

func (s scope) union(t scope) scope {
	for i := range s {
		s[i] |= t[i]
	}
	return s
}

// whole is all of the tables of s.
func (s scope) whole() scope {
	for i := range s {
		if s[i] != 0 {
			s[i] = anyRow
		}
	}
	return s
}

// rows returns s as the core takes it.
func (s scope) rows() []core.Rows {
	var all []core.Rows
	for i, r := range s {
		if r != 0 {
			all = append(all, core.Rows{Table: tableOf(i), Keys: r.keys()})
		}
	}
	return all
}

// someScope draws some rows of some tables.
func (w *world) someScope() scope {
	var s scope
	for s == (scope{}) {
		for i := range s {
			switch w.choose(6, "rows") {
			case 0:
				s[i] = anyRow
			case 1, 2:
				s[i] = rows(1 + w.choose(1<<keyCount-1, "keys"))
			}
		}
	}
	return s
}

// told returns what is reported of changed rows. Where there are several keys of
// a table, those who collect them may give up and report the table; and some of
// the broken variants are about what else they may do.
func (w *world) told(s scope) []core.Rows {
	for i, r := range s {
		several := r&anyRow == 0 && r&(r-1) != 0
		switch {
		case r&anyRow != 0 || r == 0:
		case w.variant == ignoreKeys:
			s[i] = 0
		case several && w.variant == newKeyOnly:
			s[i] = r & (r - 1) // the first was the key of the row before
		case several && w.choose(3, "collapse") == 0:
			if s[i] = anyRow; w.variant == collapseToFirst {
				s[i] = r & -r
			}
		}
	}
	return s.rows()
}
