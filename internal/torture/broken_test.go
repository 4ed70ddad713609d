package torture

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/internal/mutate"
)

// edit is a [mutate.Edit].
type edit struct{ File, Old, New string }

// brokenVariant is one way to break the feed or the cache, and the test that
// must see it.
type brokenVariant struct {
	name string
	pkg  string // of test; those of one package are together, and share a build
	test string
	edit []edit
}

// variant returns v as package mutate wants it.
func (v *brokenVariant) variant() mutate.Variant {
	m := mutate.Variant{Name: v.name, Package: v.pkg, Test: v.test}
	for _, e := range v.edit {
		m.Edits = append(m.Edits, mutate.Edit(e))
	}
	return m
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
		"dialects/sqlite/reader.go", "return err != nil || !os.SameFile(info, r.file) || r.moved()", "return (err != nil || !os.SameFile(info, r.file) || r.moved()) && !$",
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
	{"no victims of a rowid", "dialects/sqlite", "TestCapture/^text_key$", []edit{{
		"dialects/sqlite/capture.go", `if t.rowid != "" && !t.alias {`, `if t.rowid != "" && !t.alias && !$ {`,
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
}

// How long the torture runs on a broken variant, at first and if nothing was
// seen.
const (
	glance = 3 * time.Second
	look   = 12 * time.Second
)

// looks is how often one looks: who breaks in at the right moment may not run just
// then, where the machine is busy.
const looks = 4

// TestBrokenVariants breaks the feed, the capture and the cache in one place
// at a time and requires that a test fails. All variants are in one build; the
// environment chooses, and they take turns ([mutate.Turn]).
func TestBrokenVariants(t *testing.T) {
	t.Parallel()
	var variants []mutate.Variant
	for _, v := range allVariants() {
		variants = append(variants, v.variant())
	}
	sources, err := mutate.In("../..")
	if err == nil {
		err = sources.Switch(variants)
	}
	if err != nil {
		t.Fatal(err)
	}
	variants = mutate.Turn(t, variants, func(v mutate.Variant) string { return v.Name })
	programs := make(map[string]*mutate.Program)
	for _, v := range variants {
		if programs[v.Package] != nil {
			continue
		}
		if programs[v.Package], err = sources.Build(t.Context(), t.TempDir(), v.Package); err != nil {
			t.Fatal(err)
		}
	}
	run := func(v mutate.Variant, variant string, last time.Duration) (string, error) {
		args := []string{"-rapid.nofailfile", "-rapid.shrinktime=0s"}
		if v.Package == "internal/torture" {
			args = []string{"-torture=" + last.String()}
		}
		return programs[v.Package].Run(t.Context(), v.Test, variant, args...)
	}
	whole := make(map[string]mutate.Variant)
	for _, v := range variants {
		whole[v.Package+" "+v.Test] = v
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			out, err := run(v, v.Name, glance)
			for n := 0; err == nil && n < looks; n++ {
				// Who looks at the right moment may need more time for it.
				out, err = run(v, v.Name, look)
			}
			if err := mutate.Noticed(v.Test, out, err); err != nil {
				t.Error(err)
			}
		})
	}
	// What fails when it is broken has to pass when it is not.
	for _, v := range whole {
		t.Run("whole "+v.Test, func(t *testing.T) {
			t.Parallel()
			out, err := run(v, "", glance)
			for n := 0; n < looks && err != nil && strings.Contains(out, tooLittle) && !strings.Contains(out, "not coherent"); n++ {
				out, err = run(v, "", look)
			}
			if err != nil {
				t.Errorf("%s fails although nothing is broken: %v\n%s", v.Test, err, out)
			}
		})
	}
}

// allVariants are those of the parts and of the whole.
func allVariants() []brokenVariant { return append(slices.Clip(brokenVariants), incoherent...) }
