package feed

import (
	"testing"

	"github.com/vantage-go/live/internal/mutate"
)

// TestBrokenVariants has readers do one thing wrong, which the named test must
// see.
func TestBrokenVariants(t *testing.T) {
	t.Parallel()
	const pkg = "dialects/postgres/internal/feed"
	var variants []mutate.Variant
	for _, v := range []struct{ name, test, file, old, new string }{
		{"what ended without a row not missed", "TestPreparedBeforeACrash", "cursor.go", "	case since.lost(a.snapshot):\n", "	case since.lost(a.snapshot) && !$:\n"},
		{"what is prepared missed for as long as it runs", "TestPreparedBeforeACrash", "prepared.go", "		if ran && !runs {\n", "		if ran && (!runs || $) {\n"},
		{"what has ended missed for all time", "TestPreparedBeforeACrash", "prepared.go", "		_, ran := slices.BinarySearch(c.snapshot.xip, xid)\n", "		_, ran := slices.BinarySearch(c.snapshot.xip, xid)\n		ran = ran || $\n"},
		{"ordinary transactions taken for prepared ones", "TestPreparedBeforeACrash", "prepared.go", "		if slices.Contains(p.xids, uint32(xid)) &&\n", "		if ($ || slices.Contains(p.xids, uint32(xid))) &&\n"},
		{"what was prepared since taken for older", "TestPreparedBeforeACrash", "prepared.go", "			xid < made {\n", "			(xid < made || $) {\n"},
		{"what is prepared forgotten by what is kept", "TestPreparedBeforeACrash", "within.go", "snapshot: snapshot, prepared: k.Prepared, schema: at.schema, fingerprint: at.fingerprint}\n", "snapshot: snapshot, prepared: k.Prepared, schema: at.schema, fingerprint: at.fingerprint}\n	if $ {\n		last.prepared = nil\n	}\n"},
		{"an epoch that another has made taken for a strange one", "TestEpochMadeByAnother", "reader.go", "|| first && a.epoch != p.epoch) {\n", "|| first && a.epoch != p.epoch && !$) {\n"},
		{"numbers that wrap around compared as they are", "TestOlderThanTheEpoch", "prepared.go", "	if xid >= s.xmax && xid >= wrap {\n", "	if xid >= s.xmax && xid >= wrap && !$ {\n"},
	} {
		variants = append(variants, mutate.Variant{Name: v.name, Test: v.test, Package: pkg, Edits: []mutate.Edit{{File: pkg + "/" + v.file, Old: v.old, New: v.new}}})
	}
	mutate.Check(t, "../../../..", variants)
}
