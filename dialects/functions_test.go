package dialects

import (
	"strings"
	"testing"
)

func TestFunctions(t *testing.T) {
	for _, c := range []struct {
		flavor                   Flavor
		name                     string
		pure, settings, harmless bool
	}{
		{SQLite, "lower", true, true, true},
		{SQLite, "json_each", true, true, true},
		{SQLite, "date", false, false, true},
		{SQLite, "strftime", false, false, true},
		{SQLite, "random", false, false, true},
		{SQLite, "last_insert_rowid", false, false, true},
		{SQLite, "load_extension", false, false, false},
		{SQLite, "now", false, false, false},
		{Postgres, "lower", true, true, true},
		{Postgres, "date_trunc", false, true, true},
		{Postgres, "concat", false, true, true},
		{Postgres, "json_agg", false, true, true},
		{Postgres, "age", false, false, true},
		{Postgres, "now", false, false, true},
		{Postgres, "current_setting", false, false, true},
		{Postgres, "nextval", false, false, false},
		{Postgres, "set_config", false, false, false},
		{Postgres, "dblink", false, false, false},
		{Postgres, "query_to_xml", false, false, false},
		{Postgres, "table_to_xml", false, false, false},
		{Postgres, "ts_rewrite", false, false, false},
		{Postgres, "lo_put", false, false, false},
		{Postgres, "Lower", false, false, false},
		{Postgres, "mine.lower", false, false, false},
		{MySQL, "concat", true, true, true},
		{MySQL, "group_concat", false, true, true},
		{MySQL, "date_format", false, true, true},
		{MySQL, "unix_timestamp", false, false, true},
		{MySQL, "uuid", false, false, true},
		{MySQL, "found_rows", false, false, true},
		{MySQL, "get_lock", false, false, false},
		{MySQL, "nextval", false, false, false},
		{MySQL, "sys_exec", false, false, false},
	} {
		pure, settings, harmless := Pure(c.flavor, c.name), SessionPure(c.flavor, c.name), Harmless(c.flavor, c.name)
		if pure != c.pure || settings != c.settings || harmless != c.harmless {
			t.Errorf("%s %s: pure %v, session-pure %v, harmless %v", flavorName(c.flavor), c.name, pure, settings, harmless)
		}
	}
}

// TestFunctionListsAreDisjoint keeps a name from being in two lists, of which
// the last would win.
func TestFunctionListsAreDisjoint(t *testing.T) {
	for f, lists := range map[Flavor][]string{
		SQLite:   {sqlitePure, sqliteHarmless},
		Postgres: {postgresPure, postgresSession, postgresHarmlessFunctions},
		MySQL:    {mysqlPure, mysqlSession, mysqlHarmlessFunctions},
	} {
		seen := map[string]bool{}
		for _, name := range strings.Fields(strings.Join(lists, " ")) {
			if seen[name] {
				t.Errorf("%s: %s is listed twice", flavorName(f), name)
			}
			seen[name] = true
			if name != Fold(f, strings.ToLower(name)) {
				t.Errorf("%s: %s is not folded", flavorName(f), name)
			}
		}
	}
}

// TestVocabularyListsWordsOnce keeps the second of two entries from being
// found and the first from being used.
func TestVocabularyListsWordsOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range vocabulary[1:] {
		if seen[v.text] || v.text != strings.ToLower(v.text) || len(v.text) > longestWord {
			t.Errorf("vocabulary entry %q", v.text)
		}
		seen[v.text] = true
	}
}

func TestSaysNow(t *testing.T) {
	for text, want := range map[string]bool{
		"now": true, " NOW ": true, "today 12:00": true, "Tomorrow": true, "x yesterday": true, "now()": true,
		"": false, "know": false, "nowhere": false, "epoch": false, "2020-01-01": false, "to day": false,
	} {
		if got := SaysNow(text); got != want {
			t.Errorf("SaysNow(%q) = %v", text, got)
		}
	}
}

func TestFold(t *testing.T) {
	for _, c := range []struct {
		flavor     Flavor
		name, want string
	}{
		{SQLite, "ABcÄ", "abcÄ"}, {Postgres, "ABcÄ", "ABcÄ"}, {MySQL, "ABcÄ", "abcä"},
	} {
		if got := Fold(c.flavor, c.name); got != c.want {
			t.Errorf("%s: %s folds to %s, want %s", flavorName(c.flavor), c.name, got, c.want)
		}
	}
}

// TestPragmaCallsNothing: the name of a PRAGMA before its argument is no
// function, of which nothing would be known.
func TestPragmaCallsNothing(t *testing.T) {
	for _, text := range []string{"PRAGMA table_info(t)", "pragma main.index_list('t')", "PRAGMA journal_mode(WAL)"} {
		if scan := ScanText(SQLite, text); len(scan.Calls) != 0 {
			t.Errorf("%s calls %q", text, scan.Calls)
		}
	}
}
