package sqlstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
)

// TestMadeAgain deletes a record and undoes that, while another program has it open: it
// must not find its row unchanged.
func TestMadeAgain(t *testing.T) {
	t.Parallel()
	for _, k := range kitsOf(dialects.SQLite) {
		b := k.start(t, nil, edit.Patience(5*time.Second))
		ctx := context.Background()
		b.exec("INSERT INTO bakery (id, name, city, stock, version) VALUES (1, 'Rye', 'Riga', 3, 5)")
		other := b.another(t, edit.Patience(5*time.Second))
		far, err := other.Edit(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer far.Close()
		e := b.edit(1)
		r, err := e.Delete(ctx)
		if err != nil {
			t.Fatal(err)
		}
		undo, err := r.Inverse()
		if err != nil {
			t.Fatal(err)
		}
		defer undo.Close()
		undo.V.Stock = 7
		if _, err := undo.Save(ctx); err != nil {
			t.Fatal(err)
		}
		far.V.Stock = 8
		_, err = far.Save(ctx)
		// Stock is counted: 4 more by the one, 5 more by the other.
		if got := one[int](b, "SELECT stock FROM bakery"); err != nil || got != 12 {
			t.Errorf("%v, a stock of %d, want 12", err, got)
		}
	}
}
