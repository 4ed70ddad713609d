package listen_test

import (
	"testing"

	"github.com/vantage-go/live/listen"
)

// positions passes on where the batches are.
type positions chan listen.Position

func (p positions) Apply(b listen.Batch) { p <- b.Position }
func (p positions) Changed(listen.State) {}

// TestAsk: the position is that of a poll which was not sent before the call,
// and the poll comes without the interval being over.
func TestAsk(t *testing.T) {
	t.Parallel()
	f := listen.NewFeed(&source{}, never...)
	defer f.Close()
	batches := make(positions, 100)
	live(t, f)
	defer f.Subscribe(batches)()
	var last listen.Position
	for range 10 {
		asked := f.Ask()
		if asked.Compare(last) <= 0 || asked.Number() <= last.Number() {
			t.Errorf("asked for poll %d behind poll %d", asked.Number(), last.Number())
		}
		for last.Compare(asked) < 0 {
			select {
			case last = <-batches:
			case <-soon(t).Done():
				t.Fatalf("poll %d did not come", asked.Number())
			}
		}
	}
}
