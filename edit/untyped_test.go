package edit_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vantage-go/live/edit"
)

// script runs through the life of records and writes down what happened.
type script[T any] struct {
	testing.TB
	editor *edit.Editor[int64, T]
	set    func(row *T, column string, v any)
	get    func(row *T, column string) any
	told   []string
}

func (s *script[T]) tell(format string, args ...any) {
	s.told = append(s.told, fmt.Sprintf(format, args...))
}

func (s *script[T]) open(id int64) *edit.RecordEdit[int64, T] {
	s.Helper()
	e, err := s.editor.Edit(context.Background(), id)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = e.Close() })
	return e
}

// state writes down all that a session shows.
func (s *script[T]) state(what string, e *edit.RecordEdit[int64, T], err error) {
	var kinds []string
	for _, k := range []error{edit.ErrConflict, edit.ErrDeleted, edit.ErrPartial, edit.ErrKeyChanged} {
		if errors.Is(err, k) {
			kinds = append(kinds, k.Error())
		}
	}
	if err != nil && kinds == nil {
		kinds = append(kinds, err.Error())
	}
	var values, changes, conflicts []string
	for _, c := range []string{"id", "name", "city", "stock", "street", "zip", "slug", "version"} {
		values = append(values, fmt.Sprint(s.get(&e.V, c)))
	}
	for c := range e.Changes() {
		if e.IsNew() {
			c.Old, c.Remote = nil, nil // a map has nothing where a struct has zero
		}
		changes = append(changes, strings.ReplaceAll(fmt.Sprintf("%s %v→%v (%v, %v)", c.Field, c.Old, c.New, c.Remote, c.Conflict), "<nil>", ""))
	}
	for _, c := range e.Conflicts() {
		conflicts = append(conflicts, fmt.Sprintf("%s %v %v %v", c.Field, c.Base, c.Mine, c.Theirs))
	}
	slices.Sort(changes)
	slices.Sort(conflicts)
	s.tell("%s: %v, V %v, modified %v, changes %v, conflicts %v, errors %v", what, e.Phase(), values, e.Modified(), changes, conflicts, kinds)
}

func (s *script[T]) run(d *desk) []string {
	ctx := context.Background()
	var v T
	if reflect.TypeFor[T]().Kind() == reflect.Map {
		v = any(edit.Record{}).(T)
	}
	for column, value := range map[string]any{
		"id": int64(0), "name": "Rye", "city": "Riga", "stock": int64(10), "street": "a", "zip": "1", "slug": "", "version": int64(0),
	} {
		s.set(&v, column, value)
	}
	save := func(what string, e *edit.RecordEdit[int64, T]) edit.Result[int64, T] {
		r, err := e.Save(ctx)
		slices.Sort(r.Superseded)
		s.tell("%s: %v, id %v, rebased %v, superseded %v", what, r.Kind, r.ID, r.Rebased, r.Superseded)
		s.state(what, e, err)
		return r
	}
	e := s.editor.New(v)
	s.Cleanup(func() { _ = e.Close() })
	save("created", e)
	save("unchanged", e)
	s.set(&e.V, "name", "Rye!")
	s.state("typed", e, nil)
	s.set(&e.V, "name", "Rye")
	save("typed back", e)
	s.set(&e.V, "city", "Tartu")
	_ = e.RevertField("city")
	save("reverted", e)

	other := s.open(e.ID())
	s.set(&other.V, "city", "Liepaja")
	s.set(&other.V, "stock", int64(13))
	save("other", other)
	s.set(&e.V, "name", "Mine")
	s.set(&e.V, "stock", int64(11))
	save("merged, and counted", e) // 14 in stock
	s.set(&other.V, "name", "Theirs")
	save("in conflict", other)
	s.state("resolved", other, other.Resolve(edit.KeepMine()))
	save("kept", other)
	s.set(&other.V, "street", "b")
	s.set(&e.V, "zip", "2")
	save("one of a group", other)
	save("the other of the group", e)
	e.Revert()
	_, err := e.RefreshSnapshot(ctx)
	s.state("refreshed", e, err)
	s.set(&e.V, "slug", "mine")
	save("read only", e)
	s.set(&e.V, "id", int64(99))
	save("another key", e)
	e.Revert()
	s.set(&e.V, "name", "Undone")
	r := save("to be undone", e)
	undo, err := r.Inverse()
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = undo.Close() })
	save("undone", undo)
	s.set(&e.V, "city", "draft")
	d.store.Drop(s.editor.Table(), other.ID())
	save("deleted by others", e)
	s.state("recreated", e, e.Recreate())
	save("recreated", e)
	_, err = e.Delete(ctx)
	s.state("deleted", e, err)
	return s.told
}

// TestUntypedRules: sessions on maps follow the rules of those on structs, to the
// letter.
func TestUntypedRules(t *testing.T) {
	t.Parallel()
	type thing struct {
		ID      int64  `db:"id,pk"`
		Name    string `db:"name"`
		City    string `db:"city"`
		Stock   int64  `db:"stock,merge=sum"`
		Street  string `db:"street,merge=group:address"`
		Zip     string `db:"zip,merge=group:address"`
		Slug    string `db:"slug,readonly"`
		Version int64  `db:"version,version"`
	}
	field := func(row *thing, column string) reflect.Value {
		return reflect.ValueOf(row).Elem().FieldByNameFunc(func(name string) bool { return strings.EqualFold(name, column) })
	}
	d := newDesk(t, nil)
	typed := &script[thing]{
		TB: t, editor: editorOf[thing](t, d.writer, "thing"),
		set: func(row *thing, column string, v any) { field(row, column).Set(reflect.ValueOf(v)) },
		get: func(row *thing, column string) any { return field(row, column).Interface() },
	}
	want := typed.run(d)
	var columns []edit.Column
	for _, name := range []string{"id", "name", "city", "stock", "street", "zip", "slug", "version"} {
		columns = append(columns, edit.Column{Name: name, Key: name == "id"})
	}
	u := newDesk(t, nil)
	untyped := &script[edit.Record]{
		TB: t,
		editor: editorOf[edit.Record](t, u.writer, "thing", edit.Catalogue(columns), edit.VersionColumn("version"), edit.Tagged("stock", "merge=sum"),
			edit.Tagged("street", "merge=group:address"), edit.Tagged("zip", "merge=group:address"), edit.Tagged("slug", "readonly")),
		set: func(row *edit.Record, column string, v any) { (*row)[column] = v },
		get: func(row *edit.Record, column string) any {
			if v := (*row)[column]; v != nil {
				return v
			}
			return "" // of the slug, which nobody has written
		},
	}
	got := untyped.run(u)
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			t.Fatalf("step %d\n  struct: %v\n  map:    %v", i, at(want, i), at(got, i))
		}
	}
	for _, step := range []string{"Created", "conflict", "deleted"} {
		if !slices.ContainsFunc(want, func(s string) bool { return strings.Contains(strings.ToLower(s), strings.ToLower(step)) }) {
			t.Errorf("the script has no %s", step)
		}
	}
	if _, err := edit.NewTable[edit.Record]("thing", edit.Catalogue(columns), edit.Tagged("stock", "merge=guess")); err == nil {
		t.Error("there is no such way to merge")
	}
}

func at(all []string, i int) string {
	if i < len(all) {
		return all[i]
	}
	return "nothing"
}

// TestUntypedIsKept: sessions on maps outlive the process, too.
func TestUntypedIsKept(t *testing.T) {
	t.Parallel()
	columns := []edit.Column{{Name: "id", Key: true}, {Name: "name"}, {Name: "n"}, {Name: "raw"}}
	g, b := newGate(), &box{}
	store := edit.NewMemory()
	g.Store = store
	life := func(s edit.Store, b *box) *edit.Editor[int64, edit.Record] {
		w := edit.NewWriter(s, edit.WithOutbox(b))
		t.Cleanup(func() { _ = w.Close() })
		editor := editorOf[edit.Record](t, w, "thing", edit.Catalogue(columns))
		replayTable(t, w, editor)
		return editor
	}
	things := life(g, b)
	e := things.New(edit.Record{"id": int64(1), "name": "x", "n": nil, "raw": []byte{0, 255}})
	defer e.Close()
	accepted(t, e.SaveAsync())
	<-g.arrived
	left := b.copied()
	again := life(store, left)
	row, _ := store.Peek(again.Table(), int64(1)).(*edit.Record)
	if row == nil || (*row)["name"] != "x" || (*row)["n"] != nil || !reflect.DeepEqual((*row)["raw"], []byte{0, 255}) || left.len() != 0 {
		t.Errorf("stored is %v, %d saves are left", row, left.len())
	}
}
