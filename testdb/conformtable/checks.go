package conformtable

import (
	"errors"
	"slices"

	"github.com/vantage-go/live/table"
)

// Checks are all checks.
func Checks() []Check {
	return []Check{
		{"list", checkList},
		{"get", checkGet},
		{"get some", checkGetSome},
		{"insert", checkInsert},
		{"insert keeps what is there", checkInsertTwice},
		{"insert outside", checkInsertOutside},
		{"replace creates", checkReplaceCreates},
		{"replace drops what is absent", checkReplaceDrops},
		{"replace outside", checkReplaceOutside},
		{"patch", checkPatch},
		{"patch of nothing", checkPatchMissing},
		{"patch out of the set", checkPatchOut},
		{"patch of an unknown column", checkPatchUnknown},
		{"patch changed", checkPatchChanged},
		{"delete", checkDelete},
		{"delete all", checkDeleteAll},
		{"delete the whole table", checkDeleteWhole},
		{"insert returns id", checkInsertReturnID},
		{"import", checkImport},
		{"values", checkValues},
		{"read your writes", checkReadYourWrites},
	}
}

func checkList(x *exam) {
	x.inSet()
	a, b := Row{ID: 2, Grp: 1, Name: "b"}, Row{ID: 1, Grp: 1, Name: "a"}
	x.Seed(x, a, b)
	x.inSet(b, a)
	rows, err := x.Set.List(x.ctx)
	if err != nil || !slices.EqualFunc(rows, []Row{b, a}, Row.equal) {
		x.Errorf("in order of their keys: %v, %v", rows, err)
	}
}

func checkGet(x *exam) {
	a := Row{ID: 7, Grp: 1, Name: "a"}
	x.Seed(x, a)
	row, ok, err := x.Set.Get(x.ctx, 7)
	if !ok {
		x.Error("the row is missing")
	}
	x.row("Get", row, err, a)
	for _, id := range []int64{8, 1001} {
		if row, ok, err := x.Set.Get(x.ctx, id); ok || err != nil {
			x.Errorf("Get(%d), which is not in the set, returned %v, %v, %v", id, row, ok, err)
		}
	}
}

func checkGetSome(x *exam) {
	if row, ok, err := x.Set.GetSome(x.ctx); ok || err != nil {
		x.Errorf("GetSome of an empty set returned %v, %v, %v", row, ok, err)
	}
	a, b := Row{ID: 8, Grp: 1}, Row{ID: 7, Grp: 1}
	x.Seed(x, a, b)
	row, _, err := x.Set.GetSome(x.ctx)
	x.row("GetSome", row, err, b)
}

func checkInsert(x *exam) {
	note := "n"
	a := Row{ID: 3, Grp: 1, Name: "a", Note: &note}
	row, err := x.Set.Insert(x.ctx, a)
	x.row("Insert", row, err, a)
	x.inSet(a)
}

func checkInsertTwice(x *exam) {
	a := Row{ID: 3, Grp: 1, Name: "first"}
	x.Seed(x, a)
	row, err := x.Set.Insert(x.ctx, Row{ID: 3, Grp: 1, Name: "second"})
	x.row("Insert", row, err, a)
	x.inSet(a)
}

func checkInsertOutside(x *exam) {
	for _, r := range []Row{{ID: 4, Grp: 2, Name: "new"}, {ID: 1001, Grp: 1, Name: "stolen"}} {
		if row, err := x.Set.Insert(x.ctx, r); !errors.Is(err, table.ErrOutside) {
			x.Errorf("Insert of %v returned %v, %v", r, row, err)
		}
	}
	if _, there := x.stored()[4]; there {
		x.Error("a row that is not in the set was inserted")
	}
	x.inSet()
}

func checkReplaceCreates(x *exam) {
	a := Row{ID: 3, Grp: 1, Name: "a"}
	row, err := x.Set.Replace(x.ctx, a)
	x.row("Replace", row, err, a)
	x.inSet(a)
}

func checkReplaceDrops(x *exam) {
	note := "old"
	x.Seed(x, Row{ID: 3, Grp: 1, Name: "a", Note: &note})
	b := Row{ID: 3, Grp: 1, Name: "b"}
	for range 2 { // the second changes nothing
		row, err := x.Set.Replace(x.ctx, b)
		x.row("Replace", row, err, b)
		x.inSet(b)
	}
}

func checkReplaceOutside(x *exam) {
	for _, r := range []Row{{ID: 4, Grp: 2, Name: "new"}, {ID: 1001, Grp: 1, Name: "stolen"}} {
		if row, err := x.Set.Replace(x.ctx, r); !errors.Is(err, table.ErrOutside) {
			x.Errorf("Replace of %v returned %v, %v", r, row, err)
		}
	}
	if _, there := x.stored()[4]; there {
		x.Error("a row that is not in the set was created")
	}
	x.inSet()
}

func checkPatch(x *exam) {
	note, other := "n", "o"
	x.Seed(x, Row{ID: 3, Grp: 1, Name: "a", Note: &note})
	row, err := x.Set.Patch(x.ctx, 3, table.Record{"name": "b"})
	x.row("Patch", row, err, Row{ID: 3, Grp: 1, Name: "b", Note: &note})
	row, err = x.Set.Patch(x.ctx, 3, table.Record{"note": other})
	x.row("Patch", row, err, Row{ID: 3, Grp: 1, Name: "b", Note: &other})
	row, err = x.Set.Patch(x.ctx, 3, table.Record{"note": nil})
	x.row("Patch to NULL", row, err, Row{ID: 3, Grp: 1, Name: "b"})
	row, err = x.Set.Patch(x.ctx, 3, table.Record{"note": nil})
	x.row("Patch to the same", row, err, Row{ID: 3, Grp: 1, Name: "b"})
	x.inSet(Row{ID: 3, Grp: 1, Name: "b"})
}

func checkPatchMissing(x *exam) {
	for _, id := range []int64{5, 1001} {
		if row, err := x.Set.Patch(x.ctx, id, table.Record{"name": "b"}); !errors.Is(err, table.ErrNotFound) {
			x.Errorf("Patch of row %d, which is not in the set, returned %v, %v", id, row, err)
		}
	}
	x.inSet()
}

func checkPatchOut(x *exam) {
	x.Seed(x, Row{ID: 3, Grp: 1, Name: "a"})
	row, err := x.Set.Patch(x.ctx, 3, table.Record{"grp": int64(2)})
	x.row("Patch", row, err, Row{ID: 3, Grp: 2, Name: "a"})
	x.inSet()
	if row, err := x.Set.Patch(x.ctx, 3, table.Record{"grp": int64(1)}); !errors.Is(err, table.ErrNotFound) {
		x.Errorf("Patch of a row that has left returned %v, %v", row, err)
	}
}

func checkPatchUnknown(x *exam) {
	x.Seed(x, Row{ID: 3, Grp: 1, Name: "a"})
	for _, column := range []string{"nothing", "name = 'x', note"} {
		if _, err := x.Set.Patch(x.ctx, 3, table.Record{column: "b"}); err == nil {
			x.Errorf("Patch of column %q succeeds", column)
		}
	}
	x.inSet(Row{ID: 3, Grp: 1, Name: "a"})
}

func checkPatchChanged(x *exam) {
	note := "theirs"
	before := Row{ID: 3, Grp: 1, Name: "a"}
	x.Seed(x, Row{ID: 3, Grp: 1, Name: "a", Note: &note}) // changed since it was read
	after := before
	after.Name = "b"
	row, err := x.Set.PatchChanged(x.ctx, before, after)
	x.row("PatchChanged", row, err, Row{ID: 3, Grp: 1, Name: "b", Note: &note})
	row, err = x.Set.PatchChanged(x.ctx, after, after)
	x.row("PatchChanged of nothing", row, err, after)
	x.inSet(Row{ID: 3, Grp: 1, Name: "b", Note: &note})
}

func checkDelete(x *exam) {
	x.Seed(x, Row{ID: 3, Grp: 1}, Row{ID: 4, Grp: 1})
	for _, id := range []int64{3, 3, 1001, 77} {
		x.must("Delete", x.Set.Delete(x.ctx, id))
	}
	x.inSet(Row{ID: 4, Grp: 1})
}

func checkDeleteAll(x *exam) {
	x.Seed(x, Row{ID: 3, Grp: 1}, Row{ID: 4, Grp: 1})
	for range 2 {
		x.must("DeleteAll", x.Set.DeleteAll(x.ctx))
		x.inSet()
	}
	x.Seed(x, Row{ID: 5, Grp: 1})
	x.must("DeleteAll", x.Set.DeleteAll(x.ctx, table.All)) // of the set
	x.inSet()
}

func checkDeleteWhole(x *exam) {
	if err := x.Whole.DeleteAll(x.ctx); !errors.Is(err, table.ErrWholeTable) {
		x.Errorf("DeleteAll of a set without a condition returned %v", err)
	}
	if n := len(x.stored()); n != len(outside()) {
		x.Errorf("%d rows are stored", n)
	}
	x.must("DeleteAll", x.Whole.DeleteAll(x.ctx, table.All))
	if n := len(x.stored()); n != 0 {
		x.Errorf("%d rows are still stored", n)
	}
	x.Seed(x, outside()...)
}

func checkInsertReturnID(x *exam) {
	var rows []Row
	for range 2 { // each call creates one
		id, err := x.Set.InsertReturnID(x.ctx, Row{Grp: 1, Name: "a"})
		if err != nil || id == 0 {
			x.Errorf("InsertReturnID returned %d, %v", id, err)
		}
		rows = append(rows, Row{ID: id, Grp: 1, Name: "a"})
	}
	x.inSet(rows...)
	id, err := x.Set.InsertReturnID(x.ctx, Row{ID: 500, Grp: 1})
	if err != nil || id != 500 {
		x.Errorf("InsertReturnID of row 500 returned %d, %v", id, err)
	}
	if _, err := x.Set.InsertReturnID(x.ctx, Row{ID: 500, Grp: 1}); !errors.Is(err, table.ErrExists) {
		x.Errorf("InsertReturnID of a key that is taken returned %v", err)
	}
	for _, id := range []int64{0, 501} {
		if _, err := x.Set.InsertReturnID(x.ctx, Row{ID: id, Grp: 2}); !errors.Is(err, table.ErrOutside) {
			x.Errorf("InsertReturnID of a row outside returned %v", err)
		}
	}
	x.inSet(append(rows, Row{ID: 500, Grp: 1})...)
}

func checkImport(x *exam) {
	a, b := Row{ID: 3, Grp: 1, Name: "a"}, Row{ID: 4, Grp: 1, Name: "b"}
	x.Seed(x, a, b)
	n, err := x.Set.Import(x.ctx, x.Set)
	if err != nil || n != 2 {
		x.Errorf("importing itself: %d, %v", n, err)
	}
	x.inSet(a, b)
	if _, err := x.Set.Import(x.ctx, x.Whole); !errors.Is(err, table.ErrOutside) {
		x.Errorf("importing what is not in the set: %v", err)
	}
	n, err = x.Whole.Import(x.ctx, x.Set)
	if err != nil || n != 2 {
		x.Errorf("importing what is there: %d, %v", n, err)
	}
}

func checkValues(x *exam) {
	values := x.Set.Values()
	if row, ok, err := values.GetSomeValue(x.ctx); ok || err != nil {
		x.Errorf("GetSomeValue of an empty set returned %v, %v, %v", row, ok, err)
	}
	a := Row{ID: 3, Grp: 1, Name: "a"}
	row, err := values.InsertValue(x.ctx, table.Record{"id": int64(3), "grp": int64(1), "name": "a"})
	x.record("InsertValue", row, err, a)
	row, _, err = values.GetValue(x.ctx, 3)
	x.record("GetValue", row, err, a)
	row, _, err = values.GetSomeValue(x.ctx)
	x.record("GetSomeValue", row, err, a)
	if row, ok, err := values.GetValue(x.ctx, 1001); ok || err != nil {
		x.Errorf("GetValue of a row outside returned %v, %v, %v", row, ok, err)
	}
	a.Name = "b"
	row, err = values.PatchValue(x.ctx, 3, table.Record{"name": "b"})
	x.record("PatchValue", row, err, a)
	a.Name = ""
	row, err = values.ReplaceValue(x.ctx, table.Record{"id": int64(3), "grp": int64(1)})
	x.record("ReplaceValue", row, err, a)
	id, err := values.InsertReturnIDValue(x.ctx, table.Record{"grp": int64(1), "name": "c"})
	if err != nil || id == 0 {
		x.Errorf("InsertReturnIDValue returned %d, %v", id, err)
	}
	if _, err := values.InsertValue(x.ctx, table.Record{"id": int64(9), "what": 1}); err == nil {
		x.Error("InsertValue of an unknown column succeeds")
	}
	all, err := values.ListValues(x.ctx)
	if err != nil || len(all) != 2 {
		x.Errorf("ListValues returned %v, %v", all, err)
	}
	x.must("Delete", values.Delete(x.ctx, id))
	x.inSet(a)
	x.must("DeleteAll", values.DeleteAll(x.ctx))
	x.inSet()
}

// checkReadYourWrites reads behind each write, many times: a set that is only
// soon up to date fails it sooner or later.
func checkReadYourWrites(x *exam) {
	for i := range int64(20) {
		want := Row{ID: 3, Grp: 1, Name: string(rune('a' + i))}
		row, err := x.Set.Replace(x.ctx, want)
		x.row("Replace", row, err, want)
		row, ok, err := x.Set.Get(x.ctx, 3)
		if !ok {
			x.Error("the row is missing")
		}
		x.row("Get behind Replace", row, err, want)
		if i%5 == 4 {
			x.must("Delete", x.Set.Delete(x.ctx, 3))
			if _, ok, err := x.Set.Get(x.ctx, 3); ok || err != nil {
				x.Errorf("Get behind Delete: %v, %v", ok, err)
			}
		}
	}
}
