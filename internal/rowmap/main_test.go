package rowmap_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/vantage-go/live/internal/rowmap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// planFor is the plan of T, without a catalogue.
func planFor[T any](tb testing.TB) *rowmap.Plan {
	tb.Helper()
	p, err := rowmap.For[T]()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// columnPlan is the plan of a struct with one column V, of that description.
func columnPlan[T any](tb testing.TB, c rowmap.Column) *rowmap.Plan {
	tb.Helper()
	c.Name = "v"
	p, err := planFor[T](tb).Bind([]rowmap.Column{c})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}
