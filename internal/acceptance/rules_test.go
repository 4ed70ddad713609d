package acceptance_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vantage-go/live/edit"
)

// rule is one bug that the successors of vantage-live have had, as a rule for
// this project.
type rule struct {
	number int
	rule   string
	test   func(w *world) // on every engine, nil if it is no matter of edit sessions
	proof  string         // folder.TestName elsewhere, several with commas between
	absent string         // why there is nothing to test
}

var rules = []rule{
	{1, "every change is within the conditions of its set", nil, "testdb/conformtable.checkDeleteAll, testdb/conformtable.checkDeleteWhole, table.TestBrokenVariants", ""},
	{2, "conditions stand in parentheses", nil, "table/internal/onengines.TestSets, table/internal/onengines.TestWhere", ""},
	{3, "a row from before a save does not take the save back", oldRow, "table.TestRowsNeverGoBack", ""},
	{4, "a save that fails undoes itself and nothing else", overlappingSaves, "table.TestDropUndoesItself", ""},
	{5, "the end of one save does not swallow what the next one holds", twoSavesInFlight, "edit.TestTypingWhileSaving", ""},
	{6, "what was typed survives every failure", draftSurvives, "edit.TestFailureKeepsDraft", ""},
	{7, "a new record is one record under its new key", rekeyed, "table.TestNewKey", ""},
	{8, "a record that was made is not made again", madeOnce, "edit.TestNewRecordIsSavedTwice, edit.TestUnknownInsert", ""},
	{9, "a new record that nobody touched is clean", untouched, "", ""},
	{10, "a save writes what was changed and nothing else", changedOnly, "edit.TestSaveWritesChangedColumnsOnly", ""},
	{11, "a reading that fails changes no row", nil, "table/internal/onengines.TestFeedLost", ""},
	{12, "a reload never shows an empty table", nil, "table.TestReloadIsOneDiff", ""},
	{13, "one change is one version", nil, "table.TestVersionsAreCommittedStates", ""},
	{14, "rows have one order, and are in it once", nil, "table.TestOrder, table.TestView", ""},
	{15, "an empty table is known to be empty", nil, "table.TestOpenFails, table.TestReads", ""},
	{16, "totals are exact", nil, "", "sets are whole: there are no windows whose total could be unknown"},
	{17, "numbers are sorted as numbers, NULL and NaN have a place", nil, "table.TestOrder", ""},
	{18, "a search finds what it promises to find", nil, "", "there is no search: Find takes a function, conditions go to the database"},
	{19, "requests that are drawn together are not weakened", nil, "listen.TestPokesCoalesce, table.TestVersionsAreCommittedStates", ""},
	{20, "many rows are not many transactions", manyRows, "edit.TestNaturalBatching, edit.TestBurst", ""},
	{21, "all sets keep one contract", nil, "table.TestSets, table/internal/onengines.TestSets", ""},
	{22, "concurrent changes are not lost", concurrentUpdates, "edit/sqlstore.TestManyWriters", ""},
	{23, "a slow subscriber loses nothing", nil, "table.TestSlowSubscriber", ""},
	{24, "closing stops everything", nil, "table.TestMain, edit.TestMain, edit/sqlstore.TestMain", ""},
	{25, "accepted saves are written when the writer ends", drained, "edit.TestShutdown, edit.TestShutdownReturnsWhatIsLeft", ""},
	{26, "the failure of one session is not that of another", failureOfOthers, "", ""},
	{27, "sets do not share rows by mistake", nil, "table/internal/onengines.TestShared", ""},
	{28, "a file that was not closed can be opened", nil, "edit/outbox.TestKilled, internal/faults.TestFaults", ""},
	{29, "keys keep their types", nil, "internal/rowmap.TestKeys, table/internal/onengines.TestKeys", ""},
	{30, "tests assert on events", nil, "", "a habit, see CONTRIBUTING.md"},
	{31, "an answer comes after what it says is so", nil, "cache.TestWriteInvalidatesAfterAck, cache.TestFillRacesWrite, testdb/conformtable.checkReadYourWrites", ""},
	{32, "what happens between loading and subscribing is not lost", nil, "table.TestVersionsAreCommittedStates", ""},
}

// TestRules are the rules on every engine.
func TestRules(t *testing.T) {
	t.Parallel()
	var here []scenario
	for i := range rules {
		if r := &rules[i]; r.test != nil {
			here = append(here, scenario{name: fmt.Sprintf("B%d %s", r.number, r.rule), test: r.test})
		}
	}
	onEach(t, here)
}

// TestEachRuleIsProven requires a test of each rule, or a reason.
func TestEachRuleIsProven(t *testing.T) {
	t.Parallel()
	if len(rules) != 32 {
		t.Errorf("%d rules", len(rules))
	}
	for i, r := range rules {
		if r.number != i+1 {
			t.Errorf("rule %d is the %dth", r.number, i+1)
		}
		if r.test == nil && (r.proof == "") == (r.absent == "") {
			t.Errorf("B%d: neither a test nor a reason, or both", r.number)
		}
		for proof := range strings.SplitSeq(r.proof, ", ") {
			if proof != "" && !hasFunc(t, proof) {
				t.Errorf("B%d: there is no %s", r.number, proof)
			}
		}
	}
}

// hasFunc reports whether a folder has a function.
func hasFunc(t *testing.T, proof string) bool {
	t.Helper()
	folder, name, _ := strings.Cut(proof, ".")
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(folder), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		source, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(source), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}

func oldRow(w *world) {
	e := w.client(ann)
	release := w.hold()
	e.V.Name = "Anna"
	w.mock.updates(client{1, "Anna", ann.Email, ann.Phone, false, 2}, "name")
	saving := e.SaveAsync()
	<-w.valve.arrived
	w.clients.Observe(1, ann) // a reading that began before the save
	release()
	if _, err := saving.Wait(w.ctx); err != nil {
		w.Fatal(err)
	}
	w.clients.Observe(1, ann) // and one that is later still
	_, err := e.Merge()
	w.is(err == nil && e.V.Name == "Anna" && e.Snapshot().Name == "Anna", "V is %+v, %v", e.V, err)
	w.modified(e.Modified())
}

func overlappingSaves(w *world) {
	a, b := w.client(ann), w.client(ann)
	release := w.hold()
	w.mock.refuses(ann, "23514", "email")
	w.mock.updates(client{1, "Ann", ann.Email, "555-9", false, 2}, "phone")
	a.V.Email = "ann@"
	first := a.SaveAsync()
	<-w.valve.arrived
	b.V.Phone = "555-9"
	second := b.SaveAsync()
	release()
	_, err := first.Wait(w.ctx)
	w.wantErr(err, edit.ErrCheck)
	r, err := second.Wait(w.ctx)
	w.is(err == nil && r.Row.Phone == "555-9" && r.Row.Email == ann.Email, "result is %+v, %v", r, err)
	w.is(a.V.Email == "ann@" && a.Snapshot().Email == ann.Email, "V is %+v", a.V)
	w.stored("SELECT COUNT(*) FROM client WHERE phone = '555-9' AND email = 'ann@example.org' AND version = 2", "1")
}

func twoSavesInFlight(w *world) {
	e := w.client(ann)
	release := w.hold()
	e.V.Name = "A"
	w.mock.updates(client{1, "A", ann.Email, ann.Phone, false, 2}, "name")
	w.mock.updates(client{1, "B", ann.Email, "555-9", false, 3}, "name", "phone")
	first := e.SaveAsync()
	<-w.valve.arrived
	e.V.Name, e.V.Phone = "B", "555-9"
	second := e.SaveAsync()
	e.V.Email = "typed@example.org"
	release()
	if _, err := first.Wait(w.ctx); err != nil {
		w.Fatal(err)
	}
	w.is(e.V.Name == "B" && e.V.Phone == "555-9", "V is %+v", e.V)
	if _, err := second.Wait(w.ctx); err != nil {
		w.Fatal(err)
	}
	w.modified(e.Modified(), "email")
	w.stored("SELECT COUNT(*) FROM client WHERE name = 'B' AND phone = '555-9' AND version = 3", "1")
}

func draftSurvives(w *world) {
	e := w.client(ann)
	e.V.Email, e.V.Phone = "ann@", "555-9"
	w.mock.refuses(ann, "23514", "email", "phone")
	_, err := e.Save(w.ctx)
	w.wantErr(err, edit.ErrConstraint)
	w.modified(e.Modified(), "email", "phone")

	e.V.Email = ann.Email
	w.others("UPDATE client SET phone = '555-7', version = version + 1 WHERE id = 1")
	w.mock.conflicts(client{1, "Ann", ann.Email, "555-7", false, 2}, "phone")
	_, err = e.Save(w.ctx)
	w.wantErr(err, edit.ErrConflict)
	w.modified(e.Modified(), "phone")

	if err := e.Resolve(edit.KeepMine()); err != nil {
		w.Fatal(err)
	}
	w.others("DELETE FROM client WHERE id = 1")
	w.mock.vanished(ann, "phone")
	_, err = e.Save(w.ctx)
	w.wantErr(err, edit.ErrDeleted)
	w.is(e.V.Phone == "555-9" && e.Phase() == edit.PhaseGone, "V is %+v, phase %v", e.V, e.Phase())

	if err := e.Recreate(); err != nil {
		w.Fatal(err)
	}
	w.mock.inserts(client{1, "Ann", ann.Email, "555-9", false, 2})
	r := save(w, e, edit.Created)
	w.is(r.ID == 1, "result is %+v", r)
	w.stored("SELECT phone FROM client WHERE id = 1", "555-9")
}

func rekeyed(w *world) {
	e := w.bakeries.New(bakery{Name: "New"})
	defer e.Close()
	w.mock.inserts(bakery{100, "New", 0, 1})
	r := save(w, e, edit.Created)
	w.mock.read(bakery{r.ID, "New", 0, 1})
	other := session(w, w.bakeries, r.ID)
	other.V.Margin = 7
	w.mock.updates(bakery{r.ID, "New", 7, 2}, "margin")
	save(w, other, edit.Saved)
	_, err := e.Merge()
	w.is(err == nil && e.V.Margin == 7 && e.ID() == r.ID, "V is %+v, %v", e.V, err)
	w.is(w.writer.Stats().Records == 1, "there are %d records", w.writer.Stats().Records)
	w.stored("SELECT COUNT(*) FROM bakery", "2")
}

func madeOnce(w *world) {
	e := w.bakeries.New(bakery{Name: "New"})
	defer e.Close()
	release := w.hold()
	w.mock.inserts(bakery{100, "New", 0, 1})
	w.mock.updates(bakery{100, "New", 5, 2}, "margin")
	first := e.SaveAsync()
	<-w.valve.arrived
	e.V.Margin = 5
	second := e.SaveAsync() // before it is known whether the first one was done
	release()
	made, err := first.Wait(w.ctx)
	w.is(err == nil && made.Kind == edit.Created, "result is %+v, %v", made, err)
	changed, err := second.Wait(w.ctx)
	w.is(err == nil && changed.Kind == edit.Saved && changed.ID == made.ID, "result is %+v, %v", changed, err)
	save(w, e, edit.Unchanged)
	w.stored("SELECT COUNT(*) FROM bakery WHERE name = 'New' AND margin = 5", "1")
}

func untouched(w *world) {
	w.mock.read(rye) // else the mock would not be asked at all
	_ = session(w, w.bakeries, 1)
	e := w.bakeries.New(bakery{})
	w.is(!e.Dirty() && e.IsNew(), "modified %v", e.Modified())
	if err := e.CloseChecked(); err != nil {
		w.Error(err)
	}
	w.stored("SELECT COUNT(*) FROM bakery", "1")
}

func changedOnly(w *world) {
	e := w.client(ann)
	if w.counts {
		w.others("UPDATE client SET phone = '555-7', paying = TRUE, version = version + 1 WHERE id = 1")
	} else {
		w.others("UPDATE client SET phone = '555-7', paying = TRUE WHERE id = 1") // and does not count it
	}
	e.V.Name = "Anna"
	w.mock.updates(client{1, "Anna", ann.Email, "555-7", true, 2}, "name")
	save(w, e, edit.Saved)
	w.is(e.V.Phone == "555-7" && e.V.Paying, "V is %+v", e.V)
	w.stored("SELECT COUNT(*) FROM client WHERE name = 'Anna' AND phone = '555-7' AND paying", "1")
}

func manyRows(w *world) {
	e := w.client(ann)
	release := w.hold()
	e.V.Name = "first"
	w.mock.updates(client{1, "first", ann.Email, ann.Phone, false, 2}, "name")
	w.mock.updates(client{1, "typed 99", ann.Email, ann.Phone, false, 3}, "name")
	saves := []*edit.Pending[int64, client]{e.SaveAsync()}
	<-w.valve.arrived
	for i := range 100 {
		e.V.Name = fmt.Sprint("typed ", i)
		saves = append(saves, e.SaveAsync())
	}
	release()
	for _, p := range saves {
		if _, err := p.Wait(w.ctx); err != nil {
			w.Fatal(err)
		}
	}
	w.is(w.writer.Stats().Batches == 2, "%d batches", w.writer.Stats().Batches)
	w.stored("SELECT version FROM client WHERE name = 'typed 99'", "3")
}

func concurrentUpdates(w *world) {
	const each, workers = 5, 4
	if w.mock != nil { // no order of the statements could be expected
		w.mock.read(rye)
		w.mock.updates(bakery{1, "Rye", 16, 2}, "margin")
		_, err := w.bakeries.Update(w.ctx, 1, func(b *bakery) error { b.Margin++; return nil })
		w.is(err == nil, "%v", err)
		return
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range each {
				if _, err := w.bakeries.Update(w.ctx, 1, func(b *bakery) error { b.Margin++; return nil }); err != nil {
					w.Error(err)
				}
			}
		})
	}
	all.Wait()
	w.stored("SELECT margin FROM bakery WHERE id = 1", fmt.Sprint(15+each*workers))
}

func drained(w *world) {
	a := w.client(ann)
	release := w.hold()
	w.mock.updates(client{1, "A", ann.Email, ann.Phone, false, 2}, "name")
	w.mock.updates(client{1, "B", ann.Email, ann.Phone, false, 3}, "name")
	a.V.Name = "A"
	a.SaveAsync()
	<-w.valve.arrived
	a.V.Name = "B"
	a.SaveAsync()
	_ = a.Close() // nobody waits for it
	ended := make(chan error)
	go func() { ended <- w.writer.Shutdown(w.ctx) }()
	release()
	if err := <-ended; err != nil {
		w.Fatal(err)
	}
	w.stored("SELECT name FROM client WHERE id = 1", "B")
}

func failureOfOthers(w *world) {
	a, b := w.client(ann), w.client(ann)
	a.V.Email = "ann@"
	w.mock.refuses(ann, "23514", "email")
	_, err := a.Save(w.ctx)
	w.wantErr(err, edit.ErrCheck)
	w.is(a.Phase() == edit.PhaseFailed && a.Err() != nil, "phase %v", a.Phase())
	w.is(b.Phase() == edit.PhaseIdle && b.Err() == nil && !b.Dirty(), "the other's phase is %v: %v", b.Phase(), b.Err())
}

// valve is a store whose batches can be held up.
type valve struct {
	edit.Store
	arrived chan struct{} // a batch waits
	heldMu  sync.Mutex
	held    chan struct{} // nil: nothing is held
}

// hold holds batches up until the function that it returns is called.
func (w *world) hold() (release func()) {
	held := make(chan struct{})
	w.valve.heldMu.Lock()
	w.valve.held = held
	w.valve.heldMu.Unlock()
	return func() {
		w.valve.heldMu.Lock()
		w.valve.held = nil
		w.valve.heldMu.Unlock()
		close(held)
	}
}

func (v *valve) Apply(ctx context.Context, ops []*edit.Op) []edit.Outcome {
	v.heldMu.Lock()
	held := v.held
	v.heldMu.Unlock()
	if held != nil {
		select {
		case v.arrived <- struct{}{}:
		case <-ctx.Done():
		}
		select {
		case <-held:
		case <-ctx.Done():
		}
	}
	return v.Store.Apply(ctx, ops)
}
