package table

import (
	"context"
	"slices"
)

// The points of readings in an order.
const (
	BeforeTotal Point = "total" // before rows are counted
	BeforePage  Point = "page"  // before rows at some positions are read
)

// Sorted returns what opens readings of the rows in an order. Collated changes
// nothing: there are no collations.
func (m *Memory[K, T]) Sorted(_ context.Context, columns []string, _ bool) (func(context.Context) (Pages[K, T], error), error) {
	by, err := m.schema.order(columns)
	if err != nil {
		return nil, err
	}
	compare := comparer(m.schema, by)
	return func(ctx context.Context) (Pages[K, T], error) {
		reading, err := m.Open(ctx)
		if err != nil {
			return nil, err
		}
		return &memoryPages[K, T]{memoryReading: reading.(*memoryReading[K, T]), compare: compare}, nil
	}, nil
}

// memoryPages is a reading of a [Memory] in an order.
type memoryPages[K comparable, T any] struct {
	*memoryReading[K, T]
	compare func(a, b entry[K, T]) int
}

// sorted returns all rows in order, as of the moment of the reading.
func (p *memoryPages[K, T]) sorted() []entry[K, T] {
	var all []entry[K, T]
	now := p.moment()
	for k, row := range now.All() {
		if p.m.within(row) {
			all = append(all, entry[K, T]{k, row})
		}
	}
	slices.SortFunc(all, p.compare)
	return all
}

// Total counts the rows.
func (p *memoryPages[K, T]) Total(context.Context) (int, error) {
	if err := p.m.pass(BeforeTotal); err != nil {
		return 0, err
	}
	return len(p.sorted()), nil
}

// Estimate rounds down to tens, so that it is one.
func (p *memoryPages[K, T]) Estimate(context.Context) (n int, exact bool, err error) {
	if err := p.m.pass(BeforeTotal); err != nil {
		return 0, false, err
	}
	return len(p.sorted()) / 10 * 10, false, nil
}

// Page yields rows. It needs no help to find them.
func (p *memoryPages[K, T]) Page(ctx context.Context, page Page[K], yield func(K, *T) error) error {
	p.moment()
	if err := p.m.pass(BeforePage); err != nil {
		return err
	}
	all := p.sorted()
	for _, e := range all[min(page.From, len(all)):min(page.To, len(all))] {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := yield(e.key, e.row); err != nil {
			return err
		}
	}
	return nil
}
