package cache_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBrokenVariants builds caches that do one step in the wrong place, each
// from patched copies of the sources, and requires that the named test sees it
// serve wrong data. A test that passes on a broken cache proves nothing.
func TestBrokenVariants(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range brokenVariants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			out, err := v.run(t, root)
			// Some are seen by one who looks at the right moment, which on a busy
			// machine may be somebody else's.
			for more := 4; err == nil && more > 0; more-- {
				out, err = v.run(t, root)
			}
			switch {
			case err == nil:
				t.Errorf("%s passes", v.test)
			case !strings.Contains(out, "--- FAIL: "+v.test):
				t.Errorf("%s did not fail, something else did: %v\n%s", v.test, err, out)
			}
		})
	}
}

// brokenVariant is one way to break the cache.
type brokenVariant struct {
	name  string
	test  string // which sees it
	edits []edit
}

// edit replaces the one occurrence of a text in a file of the module.
type edit struct{ file, old, new string }

var brokenVariants = []brokenVariant{
	{"a fill without a ticket", "TestFillRacesWrite", []edit{{
		// The ticket is registered when the rows are there.
		"cache/fill.go", "	landed := false\n",
		"	c.core.Abort(f.flight.ticket)\n	f.flight.ticket = c.core.Begin(f.flight.key.statement.analysis.Reads, c.now())\n	landed := false\n",
	}}},
	{"a fill that no foreign write poisons", "TestFillRacesForeignWrite", []edit{{
		"cache/core/core.go", "			ticket.poisoned.Store(true)\n", "			_ = ticket\n",
	}}},
	{"invalidation before the acknowledgement", "TestWriteInvalidatesAfterAck", []edit{{
		"driver/conn.go", "	defer sent.report(ctx)\n", "	sent.end(nil, false)\n	sent.report(ctx)\n",
	}}},
	{"a lease renewed before the changes are applied", "TestLeaseMovesLast", []edit{{
		"cache/cache.go", "	if b.Reset != \"\" {\n", "	c.core.Renew(c.clock.At(b.Sent))\n	if b.Reset != \"\" {\n",
	}}},
	{"a fill while the feed is not live", "TestNothingStoredWithoutLease", []edit{
		{"cache/session.go", "	if !c.core.Valid(now) {\n", "	if false {\n"},
		{"cache/session.go", "	case e != nil:\n", "	case e != nil && c.core.Valid(now):\n"},
		{"cache/core/core.go", "	if !c.Valid(now) {\n		return nil\n	}\n", ""},
		{"cache/core/core.go", " || !c.Valid(now) {\n		return nil\n", " {\n		return nil\n"},
	}},
	{"no lease", "TestLeaseEnds", []edit{{
		"cache/core/core.go", "return start != nil && now.Within(*start, c.duration)", "return start != nil",
	}}},
	{"bytes of the driver's buffer", "TestBytesAreCopied", []edit{{
		"internal/rowset/record.go", "return append(make([]byte, 0, len(v)), v...), 3*word", "return v, 3*word",
	}}},
	{"bytes of the entry handed out", "TestBytesAreCopied", []edit{{
		"internal/rowset/set.go", "	if s.hasBytes {", "	if false {",
	}}},
	{"a remembered entry that has died", "TestRememberedEntryDies", []edit{{
		"cache/session.go", "e != nil && c.core.Alive(e.core) {\n		return e, hash, true", "e != nil {\n		return e, hash, true",
	}}},
	{"a remembered entry of another key", "TestNearComparesKeys", []edit{{
		"cache/near.go", " || !e.key.equal(st, via, args)", "",
	}}},
	{"a store that does not hear of what is remembered", "TestHotEntryStays", []edit{{
		"cache/near.go", " || p.served == unheard", "",
	}}},
	{"a joiner on a poisoned flight", "TestNoJoinAfterWrite", []edit{
		{"cache/fill.go", " || !c.core.Joinable(f.ticket, c.now())", ""},
		{"cache/fill.go", "e != nil && c.core.Alive(e.core) && c.core.Valid(c.now())", "e != nil"},
		{"cache/fill.go", "	if e.core == nil {\n		f.abandon(Outdated)\n", "	if e.core == nil {\n		c.core.Abort(fl.ticket)\n		c.flights.land(f.hash, fl, e)\n"},
	}},
	{"a leader's error for its followers", "TestLeaderFails", []edit{
		{"cache/fill.go", "	entry  *entry // set", "	err    error\n	entry  *entry // set"},
		{"cache/fill.go", "	if e := f.entry; e != nil", "	if f.err != nil {\n		return nil, f.err\n	}\n	if e := f.entry; e != nil"},
		{"cache/fill.go", "	f.abandon(NotWhole)\n}\n\nfunc (f *fillCall) abandon", "	f.flight.err = err\n	f.abandon(NotWhole)\n}\n\nfunc (f *fillCall) abandon"},
	}},
}

// run runs the variant's test in a build with its edits.
func (v brokenVariant) run(t *testing.T, root string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	patched := make(map[string]string)
	for _, e := range v.edits {
		path := filepath.Join(root, filepath.FromSlash(e.file))
		text, ok := patched[path]
		if !ok {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text = string(source)
		}
		if n := strings.Count(text, e.old); n != 1 {
			t.Fatalf("%s holds the text to replace %d times, want once:\n%s", e.file, n, e.old)
		}
		patched[path] = strings.Replace(text, e.old, e.new, 1)
	}
	replace := make(map[string]string, len(patched))
	for path, text := range patched {
		copied := filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(path, root), string(filepath.Separator), "_"))
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[path] = copied
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", file, "-vet=off", "-count=1", "-run", "^"+v.test+"$", "./cache")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	return string(out), err
}
