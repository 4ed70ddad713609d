package sqlstore_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
)

// byXmin and byHash do not map all columns: the tokens notice changes of the
// others, too.
type byXmin struct {
	ID   int64  `db:"id,pk"`
	Name string `db:"name"`
	Xmin int64  `db:"xmin,token=xmin"`
}

type byHash struct {
	ID   int64  `db:"id,pk"`
	Name string `db:"name"`
	Hash string `db:"hash,token=hash"`
}

// testToken checks that rows are written only if the token is as it was.
func testToken[T any](t *testing.T, b *bench, name func(*T) *string, token func(*T) any) {
	t.Helper()
	ctx := context.Background()
	editor := editorOf[int64, T](b, "bakery", edit.OnConflict(edit.FailOnAnyChange()))
	var saves []*edit.Pending[int64, T]
	for i := range 20 {
		b.exec(fmt.Sprintf("INSERT INTO bakery (id, name, version) VALUES (%d, 'b%d', 1)", 1000+i, i))
	}
	var edits []*edit.RecordEdit[int64, T]
	for i := range 20 {
		e := must[*edit.RecordEdit[int64, T]](t)(editor.Edit(ctx, int64(1000+i)))
		defer e.Close()
		edits = append(edits, e)
	}
	// Of no mapped column; with the second the token notices, the first
	// merges, since no field differs.
	b.exec("UPDATE bakery SET city = 'theirs' WHERE id = 1003", "UPDATE bakery SET name = 'theirs' WHERE id = 1004")
	for i, e := range edits {
		*name(&e.V) = fmt.Sprint("mine ", i)
		saves = append(saves, e.SaveAsync())
	}
	for i, p := range saves {
		r, err := p.Wait(ctx)
		switch {
		case i == 4:
			wantErr(t, err, edit.ErrConflict)
		case err != nil:
			t.Errorf("%d: %v", i, err)
		case r.Rebased != (i == 3):
			t.Errorf("%d: rebased is %v", i, r.Rebased)
		case len(edits[i].Modified()) > 0:
			t.Errorf("%d: modified %v", i, edits[i].Modified())
		}
	}
	e := edits[0]
	first := token(&e.V)
	*name(&e.V) = "again"
	if _, err := e.Save(ctx); err != nil {
		t.Fatal(err)
	}
	if token(&e.V) == first {
		t.Error("the token is the same after a save")
	}
	var n T
	*name(&n) = "new"
	made := []*edit.RecordEdit[int64, T]{editor.New(n)}
	*name(&n) = "new too"
	made = append(made, editor.New(n))
	for _, m := range made {
		defer m.Close()
		saves = append(saves, m.SaveAsync())
	}
	for _, p := range saves[20:] {
		if _, err := p.Wait(ctx); err == nil {
			t.Error("the version is not mapped, and has no default")
		}
	}
	b.exec("ALTER TABLE bakery ALTER version SET DEFAULT 1")
	for _, m := range made {
		if _, err := m.Save(ctx); err != nil {
			t.Fatal(err)
		}
		*name(&m.V) += "!"
		if r, err := m.Save(ctx); err != nil || r.Rebased {
			t.Errorf("result is %+v, %v", r, err)
		}
		if _, err := m.Delete(ctx); err != nil {
			t.Error(err)
		}
	}
}

// TestTokens: a table without a version can be checked by xmin or by a hash.
func TestTokens(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		if b.kit.flavor != dialects.Postgres {
			if _, err := sqlstore.Table[byHash](context.Background(), b.store, "", "bakery"); err == nil {
				t.Error("there are no tokens here")
			}
			return
		}
		t.Run("xmin", func(t *testing.T) {
			testToken(t, b, func(v *byXmin) *string { return &v.Name }, func(v *byXmin) any { return v.Xmin })
		})
		b.exec("DELETE FROM bakery")
		b.exec("ALTER TABLE bakery ALTER version DROP DEFAULT")
		t.Run("hash", func(t *testing.T) {
			testToken(t, b, func(v *byHash) *string { return &v.Name }, func(v *byHash) any { return v.Hash })
		})
	})
}
