package core

import (
	"hash/maphash"
	"slices"

	"github.com/vantage-go/live/dialects"
)

// Rows are rows of one table: what a read depends on, or what a write changed.
type Rows struct {
	Table dialects.Table
	// Keys are the primary keys of the rows. None means any row of the table.
	Keys []dialects.Key
}

// Tables returns the rows that are all those of the tables.
func Tables(tables ...dialects.Table) []Rows {
	rows := make([]Rows, len(tables))
	for i, t := range tables {
		rows[i].Table = t
	}
	return rows
}

// maxKeys is how many rows of a table a result can depend on. One that names
// more depends on all: it would be registered so many times.
const maxKeys = 64

// part is Rows as the index knows them.
type part struct {
	table dialects.Table
	// keys are the hashes of the keys, in order and each once; none means any
	// row.
	keys []uint64
}

func (p *part) whole() bool { return len(p.keys) == 0 }

// touches reports whether rows of p are among those of q, of the same table.
// Nothing is missed by comparing hashes: equal keys have equal ones.
func (p *part) touches(q *part) bool {
	if p.whole() || q.whole() {
		return true
	}
	for _, h := range p.keys {
		if _, found := slices.BinarySearch(q.keys, h); found {
			return true
		}
	}
	return false
}

// parts returns rows by their hashes, each table once.
func (c *Core) parts(rows []Rows) []part {
	parts := make([]part, 0, len(rows))
	for i := range rows {
		r := &rows[i]
		at := slices.IndexFunc(parts, func(p part) bool { return p.table == r.Table })
		switch {
		case at < 0:
			parts = append(parts, part{r.Table, c.appendHashes(nil, r.Keys)})
		case parts[at].whole():
		case len(r.Keys) == 0:
			parts[at].keys = nil
		default:
			parts[at].keys = c.appendHashes(parts[at].keys, r.Keys)
		}
	}
	for i := range parts {
		parts[i].tidy()
	}
	return parts
}

// part returns rows by their hashes, for which there is memory.
func (c *Core) part(r *Rows, hashes []uint64) part {
	p := part{r.Table, c.appendHashes(hashes, r.Keys)}
	p.tidy()
	return p
}

// tidy puts the keys in order.
func (p *part) tidy() {
	if len(p.keys) > 1 {
		slices.Sort(p.keys)
		p.keys = slices.Compact(p.keys)
	}
}

// appendHashes appends the hashes of keys, none of which is 0.
func (c *Core) appendHashes(hashes []uint64, keys []dialects.Key) []uint64 {
	if len(keys) == 0 {
		return hashes
	}
	hashes = slices.Grow(hashes, len(keys))
	for _, k := range keys {
		hashes = append(hashes, max(maphash.String(c.seed, string(k)), 1))
	}
	return hashes
}
