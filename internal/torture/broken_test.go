package torture

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// brokenEnv names the variant that is switched on.
const brokenEnv = "LIVESQL_BROKEN"

// edit puts a guard of a variant behind a switch: the one occurrence of old in
// the file becomes new, where broken("name") tells whether the variant is on.
type edit struct{ file, old, new string }

// brokenVariant is one way to break the feed or the cache, and the test that
// must see it.
type brokenVariant struct {
	name string
	pkg  string // of test
	test string
	edit []edit
}

// An edit may switch for another variant, which then has none of its own.
var brokenVariants = []brokenVariant{
	// The feed of SQLite.
	{"data version ignored after the first poll", "dialects/sqlite", "TestPollReportsEachChangeOnce", []edit{{
		"dialects/sqlite/reader.go", "last.reader == r && last.moved == moved && ", "last.reader == r && (last.moved == moved || $) && ",
	}}},
	{"data version compared across connections", "dialects/sqlite", "TestDataVersionBelongsToAConnection", []edit{{
		"dialects/sqlite/reader.go", "if since != nil && last.reader == r", "if since != nil && (last.reader == r || $)",
	}}},
	{"nonce ignored", "dialects/sqlite", "TestLogThatWasTamperedWith", []edit{{
		"dialects/sqlite/reader.go", "rowID != last.id || rowNonce != last.nonce", "rowID != last.id || rowNonce != last.nonce && !$",
	}}},
	{"naive cursor: no look at the row that it stands on", "dialects/sqlite", "TestLogIsPruned", []edit{
		{"dialects/sqlite/reader.go", `" WHERE id >= ? ORDER`, `" WHERE id "+map[bool]string{true: ">", false: ">="}[$]+" ? ORDER`},
		{"dialects/sqlite/reader.go", "found := last.id == 0", "found := last.id == 0 || $"},
		{"dialects/sqlite/reader.go", "case rowID != id+1:", "case rowID != id+1 && !$ && !broken(\"gap ignored\"):"},
	}},
	{"gap ignored", "dialects/sqlite", "TestLogThatWasTamperedWith", nil},
	{"schema version ignored", "dialects/sqlite", "TestAnalysisFollowsTheSchema", []edit{{
		"dialects/sqlite/reader.go", "if !resumed || next.schema != last.schema {", "if !resumed || next.schema != last.schema && !$ {",
	}}},
	{"schema in memory not renewed", "dialects/sqlite", "TestAnalysisFollowsTheSchema", []edit{{
		"dialects/sqlite/analyze.go", "if a.stale.Swap(false) {", "if a.stale.Swap(false) && !$ {",
	}}},
	{"replaced file not noticed", "dialects/sqlite", "TestReplacedFile", []edit{{
		"dialects/sqlite/reader.go", "return err != nil || !os.SameFile(info, r.file)", "return (err != nil || !os.SameFile(info, r.file)) && !$",
	}}},
	{"log of a replaced file continued", "dialects/sqlite", "TestReplacedFile", []edit{{
		"dialects/sqlite/reader.go", "resumed && last.identity != r.identity {", "resumed && last.identity != r.identity && !$ {",
	}}},
	{"idle connections kept for a replaced file", "dialects/sqlite", "TestReplacedFile", []edit{{
		"dialects/sqlite/database.go", "	d.own.SetMaxIdleConns(-1)\n", "	if !$ {\n		d.own.SetMaxIdleConns(-1)\n	}\n",
	}}},
	{"texts shown to a replaced file", "dialects/sqlite", "TestReplacedFileHasAnotherSchema", []edit{{
		"dialects/sqlite/analyze.go", "if a.reopen.Swap(false) {", "if a.reopen.Swap(false) && !$ {",
	}}},

	// The triggers.
	{"no victims of REPLACE", "dialects/sqlite", "TestCapture/^integer_primary_key$", []edit{{
		"dialects/sqlite/capture.go", `victims != "" {`, `victims != "" && !$ {`,
	}}},
	{"no victims of a primary key with a collation", "dialects/sqlite", "TestCapture/^nocase_key$", []edit{{
		"dialects/sqlite/schema.go", `return c.collation != "BINARY" ||`, `return c.collation != "BINARY" && !$ ||`,
	}}},
	{"no defaults in the place of NULL", "dialects/sqlite", "TestCapture/^unique_columns_with_defaults$", []edit{{
		"dialects/sqlite/capture.go", `substitute; d != "" {`, `substitute; d != "" && !$ {`,
	}}},
	{"no old key of a moved row", "dialects/sqlite", "TestCapture/^composite_key$", []edit{{
		"dialects/sqlite/capture.go", `updated := []string(nil), []string{k.log(opUpdate, "NEW"), k.logMoved()}`,
		"updated := []string(nil), []string{k.log(opUpdate, \"NEW\"), k.logMoved()}\n	if $ {\n		updated = updated[:1]\n	}",
	}}},
	{"changes logged after the program's triggers", "dialects/sqlite", "TestCapture/^triggers_that_raise$", []edit{
		{"dialects/sqlite/capture.go", `add("bu", "BEFORE UPDATE", updated...)`, `add("bu", map[bool]string{false: "BEFORE", true: "AFTER"}[$]+" UPDATE", updated...)`},
	}},
	{"no key before the program's triggers", "dialects/sqlite", "TestCapture/^triggers_that_raise$", []edit{{
		"dialects/sqlite/capture.go", "if t.interferes {", "if t.interferes && !$ {",
	}}},
	{"outdated triggers taken for current", "dialects/sqlite", "TestCaptureOutOfDate", []edit{{
		"dialects/sqlite/capture.go", "case text != c.stored():", "case text != c.stored() && !$:",
	}}},

	// The analysis.
	{"a table named like a function", "dialects/sqlite", "TestReads", []edit{{
		"dialects/sqlite/analyze.go", "len(objects) == 0 && (name", "(len(objects) == 0 || $) && (name",
	}}},
	{"reads of the log", "dialects/sqlite", "TestNotCacheable", []edit{{
		"dialects/sqlite/analyze.go", "case seen.log:", "case seen.log && !$:",
	}}},
	{"tables behind views forgotten", "dialects/sqlite", "TestReadsAreComplete", []edit{{
		"dialects/sqlite/analyze.go", "		o.touch(o.reads, arg1, schema)\n", "		if inside == \"\" || !$ {\n			o.touch(o.reads, arg1, schema)\n		}\n",
	}}},
	{"cascades forgotten", "dialects/sqlite", "TestWritesAreComplete", []edit{{
		"dialects/sqlite/analyze.go", `"foreign_keys = 1", `, `"foreign_keys = " + map[bool]string{true: "0", false: "1"}[$], `,
	}}},

	// What the torture sees of the whole.
	{"foreign changes not applied", "internal/torture", "TestSQLiteCoherence", []edit{{
		"cache/cache.go", "if len(b.Changes) > 0 {", "if len(b.Changes) > 0 && !$ {",
	}}},
	{"own writes not applied", "internal/torture", "TestSQLiteCoherence", []edit{{
		"cache/cache.go", "	default:\n		c.drop(", "	case $:\n	default:\n		c.drop(",
	}}},
	{"transactions read from memory and fill it", "internal/torture", "TestSQLiteCoherence", []edit{
		{"cache/session.go", "	case s.tx.open():\n		return InTransaction", "	case s.tx.open() && !$:\n		return InTransaction"},
		{"cache/session.go", "return !s.tx.open() && s.taint", "return (!s.tx.open() || $) && s.taint"},
	}},
	{"polls that find nothing", "internal/torture", "TestSQLiteCoherence", []edit{{
		"listen/follow.go", "	batch := Batch{", "	if $ {\n		delta.Changes = nil\n	}\n	batch := Batch{",
	}}},
	{"no lease", "internal/torture", "TestStoppedProcess/short_lease", []edit{{
		"cache/core/core.go", "return start != nil && now.Within(*start, c.duration)", "return start != nil && (now.Within(*start, c.duration) || $)",
	}}},
}

// TestBrokenVariants breaks the feed, the capture and the cache in one place
// at a time and requires that a test fails. All variants are in one build; the
// environment chooses.
func TestBrokenVariants(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	overlay := breakable(t, root)
	programs := make(map[string]string)
	for _, pkg := range []string{"dialects/sqlite", "internal/torture"} {
		programs[pkg] = filepath.Join(t.TempDir(), "test")
		cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", programs[pkg], "./"+pkg)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", pkg, err, out)
		}
	}
	run := func(pkg, test, variant string) (string, error) {
		args := []string{"-test.run=^" + strings.Replace(test, "/", "$/", 1) + "$", "-test.timeout=1m"}
		if pkg == "internal/torture" {
			args = append(args, "-torture=5s")
		} else {
			args = append(args, "-rapid.nofailfile", "-rapid.shrinktime=0s")
		}
		cmd := exec.CommandContext(t.Context(), programs[pkg], args...)
		cmd.Dir = filepath.Join(root, pkg)
		cmd.Env = append(os.Environ(), brokenEnv+"="+variant)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	whole := make(map[string]brokenVariant)
	for _, v := range brokenVariants {
		whole[v.pkg+" "+v.test] = v
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			out, err := run(v.pkg, v.test, v.name)
			name, _, _ := strings.Cut(v.test, "/")
			switch {
			case err == nil:
				t.Errorf("%s passes", v.test)
			case !strings.Contains(out, "--- FAIL: "+name):
				t.Errorf("%s did not fail, something else did: %v\n%s", v.test, err, out)
			}
		})
	}
	// What fails when it is broken has to pass when it is not.
	for _, v := range whole {
		t.Run("whole "+v.test, func(t *testing.T) {
			t.Parallel()
			if out, err := run(v.pkg, v.test, ""); err != nil {
				t.Errorf("%s fails although nothing is broken: %v\n%s", v.test, err, out)
			}
		})
	}
}

// breakable writes an overlay that puts every variant behind its switch.
func breakable(t *testing.T, root string) string {
	t.Helper()
	dir := t.TempDir()
	sources := make(map[string]string)
	for _, v := range brokenVariants {
		for _, e := range v.edit {
			if _, ok := sources[e.file]; !ok {
				text, err := os.ReadFile(filepath.Join(root, e.file))
				if err != nil {
					t.Fatal(err)
				}
				sources[e.file] = string(text)
			}
			if n := strings.Count(sources[e.file], e.old); n != 1 {
				t.Fatalf("variant %q: %s holds the text to replace %d times, want once:\n%s", v.name, e.file, n, e.old)
			}
			sources[e.file] = strings.Replace(sources[e.file], e.old, strings.ReplaceAll(e.new, "$", fmt.Sprintf("broken(%q)", v.name)), 1)
		}
	}
	for _, file := range slices.Collect(maps.Keys(sources)) {
		pkg := filepath.Dir(file)
		sources[filepath.Join(pkg, "broken_switch.go")] = fmt.Sprintf("package %s\n\nimport \"os\"\n\nfunc broken(name string) bool { return os.Getenv(%q) == name }\n", filepath.Base(pkg), brokenEnv)
	}
	replace := make(map[string]string)
	for file, text := range sources {
		copied := filepath.Join(dir, strings.ReplaceAll(file, string(filepath.Separator), "_"))
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(root, file)] = copied
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}
