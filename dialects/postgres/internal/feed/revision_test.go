package feed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vantage-go/live/listen"
)

// TestCodeHasARevision: whoever changes what is installed, gives it a revision
// of its own, or programs of both kinds replace each other's functions.
func TestCodeHasARevision(t *testing.T) {
	t.Parallel()
	const revision, sum = 1, "96fba0fe98a6749b"
	one := &relation{primary: []keyColumn{{name: "a", typ: "integer"}}, keys: []keyKind{keyInt}}
	two := &relation{primary: []keyColumn{{name: "a", typ: "integer"}, {name: "b", typ: "bytea"}}, keys: []keyKind{keyInt, keyBytes}}
	all := []string{fmt.Sprint(layoutVersion), fmt.Sprint(captureTriggers)}
	for _, r := range []*relation{{}, one, two} {
		all = append(all, r.capture().create()...)
	}
	for _, bell := range []listen.Bell{listen.BellGated, listen.BellEvery, listen.BellApp, listen.BellPoll} {
		for _, f := range baseFunctions(bell) {
			all = append(all, f.create()...)
		}
	}
	got := sha256.Sum256([]byte(strings.Join(all, "\n")))
	if text := hex.EncodeToString(got[:8]); text != sum || codeRevision != revision {
		t.Errorf("the sum is %s, the revision %d: raise codeRevision, or begin at 1 with another layoutVersion, and note both here", text, codeRevision)
	}
}

// TestLaterRevisionsStay has an installation by a program of a later revision.
func TestLaterRevisionsStay(t *testing.T) {
	t.Parallel()
	d := captured(t)
	db := d.DB()
	name := captureOf(t, db, "item")
	later := func(function string) string {
		return "DO $do$ BEGIN EXECUTE replace(pg_get_functiondef('livesql." + function + "'::regproc), 'BEGIN', '/* later */ BEGIN'); END $do$"
	}
	fixtureExec(t, db, later("ring"), "ALTER FUNCTION livesql."+name+" RENAME TO cap_later", later("cap_later"), fmt.Sprintf("UPDATE livesql.meta SET revision = %d", codeRevision+1), "CREATE TABLE more (id int PRIMARY KEY)")
	fixtureWant(t, "covered by a later revision", fixtureCovered(t, db), "public.item")
	fixtureWant(t, "changed over a later revision", fixtureInstall(t, db), "public.more")
	bodies := fixtureList(t, db, "SELECT proname FROM pg_proc WHERE pronamespace = 'livesql'::regnamespace AND prosrc LIKE '%/* later */%' ORDER BY 1")
	fixtureWant(t, "functions of the later revision", bodies, "cap_later", "ring")
	if revision := fixtureValue[int](t, db, "SELECT revision FROM livesql.meta"); revision != codeRevision+1 {
		t.Errorf("the revision went down to %d", revision)
	}
	if f, found := fixtureFinding(t, db, "out of date"); found {
		t.Errorf("the diagnosis complains: %+v", f)
	}
	fixtureLog(t, db)
	fixtureExec(t, db, "INSERT INTO item VALUES (1)", "INSERT INTO more VALUES (1)")
	fixtureWant(t, "the log", fixtureLog(t, db), "I item 1 [1]", "I more 1 [1]")
	// What is missing or may not be trusted is replaced all the same.
	for _, breakage := range []string{"ALTER FUNCTION livesql.cap_later SECURITY INVOKER", "DROP TRIGGER livesql_delete ON item", "ALTER TABLE item DISABLE TRIGGER livesql_insert"} {
		fixtureExec(t, db, breakage)
		fixtureWant(t, "covered after "+breakage, fixtureCovered(t, db), "public.more")
		fixtureWant(t, "changed after "+breakage, fixtureInstall(t, db), "public.item")
	}
	// And the next program of that revision replaces what is older.
	fixtureExec(t, db, fmt.Sprintf("UPDATE livesql.meta SET revision = %d", codeRevision-1), later(captureOf(t, db, "more")))
	if covered := fixtureCovered(t, db); slices.Contains(covered, "public.more") {
		t.Errorf("covered by an earlier revision: %v", covered)
	}
	fixtureInstall(t, db)
	fixtureWant(t, "covered in the end", fixtureCovered(t, db), "public.item", "public.more")
	if revision := fixtureValue[int](t, db, "SELECT revision FROM livesql.meta"); revision != codeRevision {
		t.Errorf("the revision is %d", revision)
	}
}
