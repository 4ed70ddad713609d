package pitfalls

import (
	"fmt"
	"strings"
	"testing"
)

// The families of engines.
const (
	sqlite   = "sqlite"
	postgres = "postgres" // by lib/pq and by pgx
	mariadb  = "mariadb"
)

var families = []string{sqlite, postgres, mariadb}

// pitfall is one row of the table.
type pitfall struct {
	number int
	name   string
	// holds is what is true instead.
	holds string
	cells cells
}

// title is the name of the pitfall's test.
func (p *pitfall) title() string {
	return fmt.Sprintf("P%02d_%s", p.number, strings.NewReplacer(" ", "_", ",", "", "'", "").Replace(p.name))
}

// cells say by family what is done about a pitfall.
type cells map[string]cell

// cell is what is done about a pitfall on one family of engines: one of test,
// proof and none, or the first with a gap.
type cell struct {
	// test fails if the pitfall is there.
	test func(r *rig)
	// proof names the test elsewhere that does: the path of its package and its
	// name, and of what it does there.
	proof string
	// none is why the pitfall cannot be there.
	none string
	// gap is what is wrong still. The test fails, and must.
	gap string
	// only is the driver that gap is about, or empty.
	only string
}

// on has the pitfall tested by test on the families, or on all.
func on(test func(r *rig), of ...string) cells {
	if len(of) == 0 {
		of = families
	}
	c := cells{}
	for _, family := range of {
		c[family] = cell{test: test}
	}
	return c
}

// also has it tested by another test on further families.
func (c cells) also(test func(r *rig), of ...string) cells {
	for _, family := range of {
		c[family] = cell{test: test}
	}
	return c
}

// proven names tests elsewhere. The first word of each is checked.
func (c cells) proven(by string, of ...string) cells {
	for _, family := range of {
		c[family] = cell{proof: by}
	}
	return c
}

// absent says why there is nothing to test.
func (c cells) absent(why string, of ...string) cells {
	for _, family := range of {
		c[family] = cell{none: why}
	}
	return c
}

// open says what is wrong still.
func (c cells) open(gap string, of ...string) cells {
	for _, family := range of {
		one := c[family]
		one.gap = gap
		c[family] = one
	}
	return c
}

// openWith is open where it is wrong with one of the family's drivers.
func (c cells) openWith(driver, gap, family string) cells {
	one := c[family]
	one.gap, one.only = gap, driver
	c[family] = one
	return c
}

// all is the table.
func all() []pitfall {
	var table []pitfall
	for _, part := range parts {
		table = append(table, part.pitfalls...)
	}
	return table
}

// part is one heading of the table.
type part struct {
	title    string
	pitfalls []pitfall
}

// TestPitfalls runs the table: TestPitfalls/P01_…/sqlite.
func TestPitfalls(t *testing.T) {
	t.Parallel()
	for _, p := range all() {
		t.Run(p.title(), func(t *testing.T) {
			t.Parallel()
			for _, e := range engines() {
				c := p.cells[e.family]
				if c.test == nil {
					t.Logf("%-8s  %s", e.name, c.text())
					continue
				}
				t.Run(e.name, func(t *testing.T) {
					t.Parallel()
					c.run(t, e)
				})
			}
		})
	}
}

// run runs a test that has to pass, or to fail because of the gap.
func (c cell) run(t *testing.T, e engine) {
	t.Helper()
	if c.gap == "" || c.only != "" && c.only != e.name {
		c.test(&rig{TB: t, engine: e})
		return
	}
	t.Log("OPEN: " + c.gap)
	open := &expected{TB: t}
	done := make(chan struct{})
	go func() { // FailNow ends the goroutine
		defer close(done)
		c.test(&rig{TB: open, engine: e})
	}()
	<-done
	if !open.Failed() {
		t.Error("the test passes: the gap is closed, and the table must say so")
	}
}

// text is what the document says of a cell.
func (c cell) text() string {
	switch {
	case c.gap != "":
		return "OPEN: " + c.gap
	case c.test != nil:
		return "tested"
	case c.proof != "":
		return "proven by " + c.proof
	default:
		return "not there: " + c.none
	}
}
