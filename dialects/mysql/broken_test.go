package mysql

import (
	"testing"

	"github.com/vantage-go/live/internal/mutate"
)

// TestBrokenVariants has the feed do one thing wrong, which the named test must see. A
// test that passes on a broken variant proves nothing.
func TestBrokenVariants(t *testing.T) {
	t.Parallel()
	const rights = "dialects/mysql/rights.go"
	variants := []mutate.Variant{
		{Name: "rights that nobody compares", Test: "TestRightsOfOthers", Edits: []mutate.Edit{{
			File: "dialects/mysql/reader.go", Old: "last.rights != next.rights", New: "last.rights != next.rights && !$",
		}}},
		{Name: "roles that nobody asks for", Test: "TestRightsOfOthers", Edits: []mutate.Edit{{
			File: rights, Old: "	case s.hidesRoles:\n", New: "	case s.hidesRoles || $:\n",
		}}},
		{Name: "roles of roles forgotten", Test: "TestRightsOfOthers", Edits: []mutate.Edit{{
			File: rights, Old: `if e.host == "" {`, New: `if e.host == "" && !$ {`,
		}}},
		{Name: "roles that lead elsewhere taken for ours", Test: "TestRightsOfOthers", Edits: []mutate.Edit{{
			File: rights, Old: "if !reading[e.role] {", New: "if !reading[e.role] && !$ {",
		}}},
		{Name: "an account that does not look at its own rights", Test: "TestOwnRights", Edits: []mutate.Edit{{
			File: "dialects/mysql/fingerprint.go", Old: "if err == nil && on.hidesRoles {", New: "if err == nil && on.hidesRoles && !$ {",
		}}},
		{Name: "a session that is shown so many rows and no more", Test: "TestSelectLimit", Edits: []mutate.Edit{{
			File: "dialects/mysql/connection.go", Old: `"SET SESSION sql_select_limit = 18446744073709551615",`, New: `"SET SESSION " + map[bool]string{false: "sql_select_limit = 18446744073709551615", true: "autocommit = 1"}[$],`,
		}}},
		{Name: "a log without a limit in the session of a program", Test: "TestSelectLimit", Edits: []mutate.Edit{{
			File: "dialects/mysql/reader.go", Old: `LIMIT %d) LIMIT %d", logTable`, New: `LIMIT %d)" + map[bool]string{false: " LIMIT %d", true: "/* %d */"}[$], logTable`,
		}}},
		{Name: "sums of CRCs that are linear", Test: "TestSwappedNames", Edits: []mutate.Edit{{
			File: "dialects/mysql/fingerprint.go", Old: `	crc := "CRC32(SHA1(CONCAT_WS('|', " + strings.Join(columns, ", ") + ")))"` + "\n", New: "	sum := map[bool]string{false: \"SHA1\"}[$]\n" + `	crc := "CRC32(" + sum + "(CONCAT_WS('|', " + strings.Join(columns, ", ") + ")))"` + "\n",
		}}},
	}
	for i := range variants {
		variants[i].Package = "dialects/mysql"
	}
	mutate.Check(t, "../..", variants)
}
