package edit_test

import (
	"testing"

	"github.com/vantage-go/live/edit"
)

// TestSaveBehindOneWhoseMemoryIsUsedAgain: a save that waits behind another session's is
// merged with what that has written, whatever its session has done since.
func TestSaveBehindOneWhoseMemoryIsUsedAgain(t *testing.T) {
	t.Parallel()
	g := newGate()
	d, a := started(t, g, edit.BatchLimit(1, 1<<20))
	b := d.open(1)
	blocker := d.bakeries.New(bakery{})
	defer blocker.Close()
	a.V.Name = "A"
	first := a.SaveAsync()
	<-g.arrived
	made := blocker.SaveAsync()
	b.V.City = "B"
	behind := b.SaveAsync()
	g.through <- struct{}{}
	mustWait(t, first)
	<-g.arrived // the blocker: b's save still waits
	a.V.Stock++
	again := a.SaveAsync()
	g.through <- struct{}{}
	mustWait(t, made)
	g.pass()
	mustWait(t, behind)
	if r := mustWait(t, again); r.Row.Name != "A" || r.Row.City != "B" || r.Row.Stock != 11 {
		t.Errorf("in the end the row is %+v", r.Row)
	}
}
