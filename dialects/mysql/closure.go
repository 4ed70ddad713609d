package mysql

import "slices"

// reach returns the names of the tables whose rows foreign keys may change when
// rows of the table are deleted, or their keys updated. It may be more than can
// really be reached: a row that a foreign key updates is taken to be updated
// in every column.
func (s *schema) reach(name string, deleted bool) []string {
	type event struct {
		table   string
		deleted bool
	}
	var names []string
	seen := make(map[event]bool)
	for queue := []event{{name, deleted}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, f := range s.keys {
			if f.parent != at.table {
				continue
			}
			rule := f.onUpdate
			if at.deleted {
				rule = f.onDelete
			}
			if !cascades(rule) {
				continue
			}
			next := event{f.child, at.deleted && rule == "CASCADE"}
			if seen[next] {
				continue
			}
			seen[next] = true
			queue = append(queue, next)
			if !slices.Contains(names, f.child) {
				names = append(names, f.child)
			}
		}
	}
	slices.Sort(names)
	return names
}

// watched returns the columns of the table whose update foreign keys pass on.
func (s *schema) watched(name string) []string {
	var columns []string
	for _, f := range s.keys {
		if f.parent == name && cascades(f.onUpdate) {
			columns = append(columns, f.referenced...)
		}
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}
