package mysql

import (
	"context"
	"slices"
	"strings"

	"github.com/vantage-go/live/dialects"
)

// known is what texts are analysed under.
type known struct {
	schema  *schema
	catalog *dialects.Catalog
}

// Analyze tells what text means. Its words decide first, and the catalogue can
// only add to what they tell.
func (d *database) Analyze(_ context.Context, text string) (*dialects.Analysis, error) {
	k := d.known.Load()
	a := dialects.Words(dialects.MySQL, k.catalog, text)
	k.schema.extend(a, text)
	if a.Uncacheable == "" {
		a.Uncacheable = d.unkept
	}
	return a, nil
}

// unproven notes that the text may change more than can be told: the cache
// returns from it when the feed has told of everything. What runs there may
// change the session, too.
func unproven(a *dialects.Analysis, why string) {
	if a.Unproven == "" {
		a.Unproven = why
	}
	a.Scan.Settings = true
}

// extend adds what the definitions tell that the text makes the server run.
func (s *schema) extend(a *dialects.Analysis, text string) {
	s.unknownFunctions(a)
	if a.Scan.Kind != dialects.Read && a.Scan.Kind != dialects.Write {
		return
	}
	refs := dialects.MySQLText(text)
	elsewhere := s.elsewhere(refs.Tables)
	why := refs.Strange
	if why == "" {
		why = elsewhere
	}
	m := &mixture{every: star(text)}
	m.mention(refs.Names, a.Scan.Calls, refs.Time)
	for _, d := range s.through(a) {
		if d.unknown != "" {
			runsUnknown(a, d.unknown)
			a.WritesAll = true
		}
		if why == "" {
			why = d.why
		}
		m.mention(d.names, d.calls, d.time)
	}
	if a.Scan.Kind == dialects.Write {
		if why == "" && len(a.Writes) == 0 && len(refs.Tables) == 0 && a.Unproven == "" {
			a.WritesAll = false // SELECT NEXT VALUE FOR s: no result that is kept depends on a sequence
		}
		s.writes(a, why)
		return
	}
	for _, t := range a.Reads {
		if found := s.find(t.Name); found != nil {
			m.columns(found)
		}
	}
	if why == "" && m.mixed() {
		why = "brings times of day together with dates, for which the database takes today's"
	}
	switch {
	case refs.Strange != "":
		unproven(a, refs.Strange)
		a.WritesAll = true
		fallthrough
	case a.Uncacheable == "" || why == elsewhere && why != "" && a.Scan.Why == "":
		a.Uncacheable = why
	}
}

// unknownFunctions looks at calls of functions that may do anything.
func (s *schema) unknownFunctions(a *dialects.Analysis) {
	if a.Scan.Kind == dialects.Schema || a.Scan.Kind == dialects.Unclear {
		return
	}
	for _, name := range a.Scan.Calls {
		_, writes := s.trust(name)
		if a.Scan.Kind == dialects.Read && s.lowered[name] && !dialects.Harmless(dialects.MySQL, name) {
			writes = true // in a read, no list of columns stands behind a table
		}
		if writes {
			runsUnknown(a, "calls "+name+"(), a function that is not known")
			a.WritesAll = true
			if a.Uncacheable == "" {
				a.Uncacheable = a.Unproven
			}
			return
		}
	}
}

// runsUnknown notes that the text runs something that is not known: it may
// also leave a temporary table behind that hides a table of the database.
func runsUnknown(a *dialects.Analysis, why string) {
	unproven(a, why)
	if a.Scan.Taint == "" {
		a.Scan.Taint = why
	}
}

// writes looks at what a write sets off.
func (s *schema) writes(a *dialects.Analysis, why string) {
	if why != "" {
		unproven(a, why)
	}
	// A trigger can give a row another key than the text says.
	a.Touches = slices.DeleteFunc(a.Touches, func(p dialects.Pin) bool {
		t := s.find(p.Table.Name)
		return t == nil || len(t.does) > 0
	})
	for _, t := range a.Writes {
		found := s.find(t.Name)
		if found == nil {
			continue
		}
		if !slices.Contains(plainEngines, strings.ToLower(found.engine)) {
			unproven(a, "writes "+t.Name+", which may be a table of another one")
		}
		for _, d := range found.does {
			if d.unknown != "" {
				runsUnknown(a, d.unknown)
			}
		}
	}
}

// plainEngines keep rows of their own.
var plainEngines = []string{"innodb", "myisam", "aria", "memory", "csv", "archive", "blackhole", "rocksdb"}

// through returns the definitions of the views that the text can use, of those
// behind them, and of the computed columns of tables.
func (s *schema) through(a *dialects.Analysis) []*definition {
	var all []*definition
	queue := slices.Clone(a.Scan.Names)
	for i := 0; i < len(queue); i++ {
		if !s.lowered[queue[i]] {
			continue
		}
		for _, v := range s.views {
			if strings.ToLower(v.name) == queue[i] && !slices.Contains(all, v.definition) {
				all = append(all, v.definition)
				queue = append(queue, v.names...)
			}
		}
	}
	for _, t := range a.Reads {
		if found := s.find(t.Name); found != nil && found.computed != nil {
			all = append(all, found.computed)
		}
	}
	return all
}
