package table

import (
	"iter"
	"slices"
	"sort"
)

// span are the positions from up to, and without, to.
type span struct{ from, to int }

func (s span) empty() bool { return s.from >= s.to }

func (s span) len() int { return max(s.to-s.from, 0) }

func (s span) overlaps(t span) bool { return s.from < t.to && t.from < s.to }

// clip returns what s and t have in common.
func (s span) clip(t span) span {
	s.from, s.to = max(s.from, t.from), min(s.to, t.to)
	return span{s.from, max(s.from, s.to)}
}

// stretch is a row of rows at positions that follow one another.
type stretch[K comparable, T any] struct {
	from int
	rows []entry[K, T]
}

func (s stretch[K, T]) span() span { return span{s.from, s.from + len(s.rows)} }

// clip returns the part of the stretch within t.
func (s stretch[K, T]) clip(t span) stretch[K, T] {
	t = s.span().clip(t)
	return stretch[K, T]{t.from, s.rows[min(t.from-s.from, len(s.rows)):][:t.len()]}
}

// frame is what a window shows: the rows that it has, and how many there are. It
// is immutable.
type frame[K comparable, T any] struct {
	number    uint64 // 0 until something was read
	total     int
	kind      TotalKind
	stretches []stretch[K, T] // in order, none touches the next
}

func (f *frame[K, T]) loaded() bool { return f.number > 0 }

// at returns the row at a position, nil if it is not there.
func (f *frame[K, T]) at(i int) *entry[K, T] {
	n := sort.Search(len(f.stretches), func(n int) bool { return f.stretches[n].span().to > i })
	if n == len(f.stretches) || i < f.stretches[n].from {
		return nil
	}
	return &f.stretches[n].rows[i-f.stretches[n].from]
}

func (f *frame[K, T]) has(i int) bool { return i >= 0 && f.at(i) != nil }

// end is behind the last row, as far as that is known.
func (f *frame[K, T]) end() int {
	if f.kind == TotalExact {
		return f.total
	}
	return unbounded
}

// unbounded is behind all rows.
const unbounded = 1 << 62

// load tells how much is there.
func (f *frame[K, T]) load() LoadState {
	switch {
	case !f.loaded():
		return LoadPending
	case f.kind != TotalExact:
		return LoadPartial
	case f.total == 0 || len(f.stretches) == 1 && f.stretches[0].span() == (span{0, f.total}):
		return LoadComplete
	}
	return LoadPartial
}

// missing returns what to read so that the visible rows are there: nothing that
// is, but a page at least. It begins at the edge of what is there, and grows away
// from it, down if there is no edge.
func (f *frame[K, T]) missing(visible span, page, end int) (fetch span, ok bool) {
	fetch = visible.clip(span{0, end})
	for !fetch.empty() && f.has(fetch.from) {
		fetch.from++
	}
	for !fetch.empty() && f.has(fetch.to-1) {
		fetch.to--
	}
	if fetch.empty() {
		return span{}, false
	}
	switch above, below := f.has(fetch.from-1), f.has(fetch.to); {
	case above && below:
	case below:
		fetch.from = max(min(fetch.from, fetch.to-page), 0)
	default:
		fetch.to = min(max(fetch.to, fetch.from+page), end)
	}
	return fetch, true
}

// around returns what to read when nothing that is there can be trusted any
// more: what is visible, and of the rows that are there as many as a page on
// either side.
func (f *frame[K, T]) around(visible span, page, end int) span {
	s := visible.clip(span{0, end})
	if s.empty() {
		return s
	}
	if fetch, ok := f.missing(visible, page, end); ok {
		s = span{min(s.from, fetch.from), max(s.to, fetch.to)}
	}
	for s.from > max(visible.from-page, 0) && f.has(s.from-1) {
		s.from--
	}
	for s.to < min(visible.to+page, end) && f.has(s.to) {
		s.to++
	}
	return s
}

// anchor returns the row that is nearest to s of those outside of it, if there is
// any.
func (f *frame[K, T]) anchor(s span) *Anchor[K] {
	var best *Anchor[K]
	nearest := unbounded
	consider := func(i, distance int) {
		if distance < nearest {
			nearest, best = distance, &Anchor[K]{Key: f.at(i).key, At: i}
		}
	}
	for _, one := range f.stretches {
		if above := one.span().clip(span{0, s.from}); !above.empty() {
			consider(above.to-1, s.from-above.to)
		}
		if below := one.span().clip(span{s.to, unbounded}); !below.empty() {
			consider(below.from, below.from-s.to)
		}
	}
	return best
}

// with returns the stretches of f and another one, which counts where both have a
// row, as far as they are within bounds.
func (f *frame[K, T]) with(other stretch[K, T], bounds span) []stretch[K, T] {
	parts := make([]stretch[K, T], 0, 2*len(f.stretches)+1)
	for _, s := range f.stretches {
		parts = append(parts, s.clip(span{0, other.from}))
	}
	parts = append(parts, other)
	for _, s := range f.stretches {
		parts = append(parts, s.clip(span{other.span().to, unbounded}))
	}
	var all []stretch[K, T]
	for _, s := range parts {
		s = s.clip(bounds)
		last := len(all) - 1
		switch {
		case len(s.rows) == 0:
		case last >= 0 && all[last].span().to == s.from:
			all[last].rows = append(slices.Clip(all[last].rows), s.rows...)
		default:
			all = append(all, s)
		}
	}
	return all
}

// near returns the positions of as many rows as are kept around what is visible.
func near(visible span, keep int) span {
	from := max(visible.from-(keep-visible.len())/2, 0)
	return span{from, from + keep}
}

// compare reports whether rows that are in both frames, or the totals, differ, and
// whether next has rows that f has not.
func (f *frame[K, T]) compare(next *frame[K, T], equal func(a, b *T) bool) (changed, more bool) {
	changed = !f.loaded() || f.total != next.total || f.kind != next.kind
	for _, s := range next.stretches {
		for i := range s.rows {
			switch now, was := &s.rows[i], f.at(s.from+i); {
			case was == nil:
				more = true
			case now.row != was.row && (now.key != was.key || !equal(now.row, was.row)):
				changed = true
			}
		}
	}
	return changed, more
}

// WindowSnapshot is one version of a [Window]. It never changes, and taking one
// costs nothing.
type WindowSnapshot[K comparable, T any] struct{ f *frame[K, T] }

// Version numbers the versions of a window.
func (s WindowSnapshot[K, T]) Version() uint64 { return s.f.number }

// Total is [Window.Total] of this version.
func (s WindowSnapshot[K, T]) Total() (n int, kind TotalKind) { return s.f.total, s.f.kind }

// Load tells how much of the set is in this version.
func (s WindowSnapshot[K, T]) Load() LoadState { return s.f.load() }

// Row is [Window.Row] of this version.
func (s WindowSnapshot[K, T]) Row(i int) (row T, ok bool) {
	if e := s.f.at(i); e != nil {
		return *e.row, true
	}
	return row, false
}

// Rows is [Window.Rows] of this version.
func (s WindowSnapshot[K, T]) Rows(from, to int) iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for _, part := range s.f.stretches {
			part = part.clip(span{from, to})
			for i := range part.rows {
				if !yield(part.from+i, *part.rows[i].row) {
					return
				}
			}
		}
	}
}
