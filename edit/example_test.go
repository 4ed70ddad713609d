package edit_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/vantage-go/live/edit"
)

// Cafe is a row of the examples.
type Cafe struct {
	ID      int64  `db:"id,pk"`
	Name    string `db:"name"`
	Seats   int    `db:"seats"`
	Version int64  `db:"version,version"`
}

// openCafes opens an editor on a store in memory, with one cafe in it.
func openCafes() (*edit.Editor[int64, Cafe], *edit.Writer, error) {
	store := edit.NewMemory()
	table, err := edit.NewTable[Cafe]("cafe")
	if err != nil {
		return nil, nil, err
	}
	store.Put(table, &Cafe{ID: 1, Name: "Rye", Seats: 10})
	w := edit.NewWriter(store)
	cafes, err := edit.NewEditor[int64, Cafe](w, table)
	return cafes, w, err
}

// A form edits its own copy of a record. What is modified is computed, and
// only that is written.
func Example() {
	ctx := context.Background()
	cafes, w, err := openCafes()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = w.Shutdown(ctx) }()

	e, err := cafes.Edit(ctx, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer e.Close()
	e.V.Name = "Rye and Shine"
	fmt.Println("modified:", e.Modified())
	result, err := e.Save(ctx)
	fmt.Println(result.Kind, result.Row.Name, err)
	fmt.Println("modified:", e.Modified())
	// Output:
	// modified: [name]
	// saved Rye and Shine <nil>
	// modified: []
}

// Others may change the record meanwhile. Changes of different fields are both
// kept; different values of one field are a conflict.
func ExampleRecordEdit_Resolve() {
	ctx := context.Background()
	cafes, w, err := openCafes()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = w.Shutdown(ctx) }()

	mine, _ := cafes.Edit(ctx, 1)
	theirs, _ := cafes.Edit(ctx, 1)
	defer mine.Close()
	defer theirs.Close()
	theirs.V.Name, theirs.V.Seats = "Theirs", 20
	if _, err := theirs.Save(ctx); err != nil {
		fmt.Println(err)
	}
	mine.V.Name = "Mine"
	_, err = mine.Save(ctx)
	if c, ok := errors.AsType[*edit.ConflictError](err); ok {
		for _, f := range c.Fields {
			fmt.Printf("%s was %v, is %v, and is to be %v\n", f.Field, f.Base, f.Theirs, f.Mine)
		}
		if err := mine.Resolve(edit.KeepMine()); err != nil {
			fmt.Println(err)
		}
	}
	result, err := mine.Save(ctx)
	fmt.Println(result.Row.Name, result.Row.Seats, err)
	// Output:
	// name was Rye, is Theirs, and is to be Mine
	// Mine 20 <nil>
}

// SaveAsync returns at once; the form may go on.
func ExampleRecordEdit_SaveAsync() {
	ctx := context.Background()
	cafes, w, err := openCafes()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = w.Shutdown(ctx) }()

	e := cafes.New(Cafe{Name: "Brand New"})
	defer e.Close()
	saving := e.SaveAsync()
	e.V.Seats = 5 // typed while the record is saved
	result, err := saving.Wait(ctx)
	fmt.Println(result.Kind, result.ID == e.ID(), err)
	fmt.Println("modified:", e.Modified())
	// Output:
	// created true <nil>
	// modified: [seats]
}

// A group is saved in one transaction, all or none. A new record can refer to
// another that has no key yet.
func ExampleGroup() {
	ctx := context.Background()
	type Table struct {
		ID     int64 `db:"id,pk"`
		CafeID int64 `db:"cafe_id"`
		Seats  int   `db:"seats"`
	}
	cafes, w, err := openCafes()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = w.Shutdown(ctx) }()
	described, err := edit.NewTable[Table]("cafe_table", edit.Ranked(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	tables, err := edit.NewEditor[int64, Table](w, described)
	if err != nil {
		fmt.Println(err)
		return
	}

	cafe := cafes.New(Cafe{Name: "Brand New"})
	table := tables.New(Table{Seats: 4})
	defer cafe.Close()
	defer table.Close()
	if err := table.Link(&table.V.CafeID, cafe); err != nil {
		fmt.Println(err)
	}
	fmt.Println(edit.Group(ctx, cafe, table))
	fmt.Println(table.V.CafeID == cafe.ID())
	// Output:
	// <nil>
	// true
}

// Update changes a record by a function, which is called again when others
// were quicker.
func ExampleEditor_Update() {
	ctx := context.Background()
	cafes, w, err := openCafes()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = w.Shutdown(ctx) }()

	result, err := cafes.Update(ctx, 1, func(c *Cafe) error {
		c.Seats++
		return nil
	})
	fmt.Println(result.Row.Seats, err)
	// Output: 11 <nil>
}
