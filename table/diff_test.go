package table

import (
	"fmt"
	"testing"
)

func TestDiffString(t *testing.T) {
	type loaf struct {
		ID   int
		Name string
	}
	old, young := &loaf{7, "Rye"}, &loaf{7, "Crust"}
	for want, d := range map[string]Diff[int, loaf]{
		"inserted 7: {ID:7 Name:Crust}":                  diff(7, nil, young, Remote),
		"updated 7: {ID:7 Name:Rye} → {ID:7 Name:Crust}": diff(7, old, young, Remote),
		"deleted 7: {ID:7 Name:Rye}":                     diff(7, old, nil, Local),
	} {
		if got := fmt.Sprint(d); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := fmt.Sprintf("%+v", []Diff[int, loaf]{d}); got != "["+want+"]" {
			t.Errorf("in a batch: %q", got)
		}
	}
}
