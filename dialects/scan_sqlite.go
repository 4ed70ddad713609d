package dialects

import "strings"

// sqlite judges the statements that only SQLite has, or has in its own way.
func (s *scanner) sqlite(i int) verdict {
	switch s.word(i) {
	case "replace":
		return s.writes(i)
	case "explain":
		return s.sqliteExplain(i)
	case "pragma":
		return s.pragma(i)
	case "begin", "commit", "end", "rollback", "savepoint", "release":
		return s.sqliteControl(i)
	case "create":
		if w := s.word(i + 1); w == "temp" || w == "temporary" {
			return verdict{kind: Session, why: "creates a temporary object", taint: "a temporary object"}
		}
		return verdict{kind: Schema, why: "changes the schema (CREATE)"}
	case "drop", "alter":
		return verdict{kind: Schema, why: "changes the schema (" + strings.ToUpper(s.word(i)) + ")"}
	case "reindex":
		// With a collation that has changed, it changes what indexes find.
		return verdict{kind: Schema, why: "rebuilds indexes (REINDEX)"}
	case "attach", "detach":
		w := strings.ToUpper(s.word(i))
		return verdict{kind: Session, why: "changes which databases there are (" + w + ")", taint: w}
	case "analyze":
		return verdict{kind: Schema, why: "writes the tables of statistics (ANALYZE)"}
	case "vacuum":
		if s.facts.into {
			return verdict{kind: Bypass, why: "copies the database (VACUUM INTO)"}
		}
		return verdict{kind: Unclear, why: "may give rows other rowids (VACUUM)"}
	}
	return s.unknown(i)
}

// sqliteExplain judges EXPLAIN [QUERY PLAN], which executes nothing, except
// that a PRAGMA may act already while it is compiled.
func (s *scanner) sqliteExplain(i int) verdict {
	s.facts.explained = true
	i++
	if s.word(i) == "query" && s.word(i+1) == "plan" {
		i += 2
	}
	v := verdict{kind: Bypass, why: "explains a statement (EXPLAIN)"}
	if s.word(i) == "pragma" {
		if p := s.pragma(i); p.kind > Bypass {
			return p
		}
	}
	return v
}

// sqliteControl judges the words of transactions at i.
func (s *scanner) sqliteControl(i int) verdict {
	word := s.word(i)
	v := verdict{kind: Control, why: "controls a transaction (" + strings.ToUpper(word) + ")"}
	i++
	var e Effect
	switch word {
	case "begin":
		e = Begins
		switch s.word(i) {
		case "deferred", "immediate", "exclusive", "concurrent":
			i++
		}
		i = s.transactionName(i)
	case "commit", "end":
		e = Commits
		i = s.transactionName(i)
	case "rollback":
		e = RollsBack
		if i = s.transactionName(i); s.word(i) == "to" {
			e = NoEffect
			if i++; s.word(i) == "savepoint" && i+1 < s.hi {
				i++
			}
			i++
		}
	case "savepoint":
		e = Saves
		i++
	case "release":
		e = Releases
		if s.word(i) == "savepoint" && i+1 < s.hi {
			i++
		}
		i++
	}
	if i != s.hi {
		return s.unknown(s.lo)
	}
	if e != NoEffect {
		s.effect(e)
	}
	return v
}

// transactionName skips [TRANSACTION [name]] at i.
func (s *scanner) transactionName(i int) int {
	if s.word(i) != "transaction" {
		return i
	}
	if i++; i < s.hi && s.word(i) != "to" && s.isName(i) {
		i++
	}
	return i
}

// pragma judges a PRAGMA at i.
func (s *scanner) pragma(i int) verdict {
	if i++; s.mark(i+1) == '.' {
		i += 2
	}
	if i >= s.hi || !s.isName(i) {
		return s.unknown(s.lo)
	}
	name := s.nameOf(&s.toks[i])
	long := "PRAGMA " + clip(name)
	sets := s.mark(i+1) == '=' || s.mark(i+1) == '('
	switch kind := pragmas[name]; {
	case kind == pragmaAsks, kind == pragmaHarmless, kind != pragmaUnknown && !sets:
		return verdict{kind: Bypass, why: "must be asked each time (" + long + ")"}
	case kind == pragmaWrites:
		return verdict{kind: Write, why: "writes the header of the file (" + long + ")"}
	case kind == pragmaUnclear:
		return verdict{kind: Unclear, why: "changes how the schema is read (" + long + ")", taint: long}
	default:
		return verdict{kind: Session, why: "changes the session (" + long + ")", taint: long}
	}
}

// pragmaKind tells what a PRAGMA does.
type pragmaKind uint8

const (
	pragmaUnknown  pragmaKind = iota
	pragmaAsks                // only asks, even with an argument
	pragmaHarmless            // acts or sets, but no result depends on it
	pragmaSets                // asks; with an argument, sets what results depend on
	pragmaWrites              // asks; with an argument, writes the database
	pragmaUnclear             // asks; with an argument, may do anything
)

// pragmas knows the PRAGMAs of SQLite. One that is not listed taints the
// connection.
var pragmas = func() map[string]pragmaKind {
	known := make(map[string]pragmaKind)
	for kind, names := range map[pragmaKind]string{
		pragmaAsks: `
			collation_list compile_options data_version database_list foreign_key_check foreign_key_list
			freelist_count function_list index_info index_list index_xinfo integrity_check module_list
			page_count pragma_list quick_check stats table_info table_list table_xinfo`,
		// foreign_keys, recursive_triggers and their like change what writes
		// do, and whoever follows writes allows for either setting.
		// locking_mode keeps other connections out, also those of the feed,
		// which notices.
		pragmaHarmless: `
			analysis_limit automatic_index busy_timeout cache_size cache_spill cell_size_check
			checkpoint_fullfsync defer_foreign_keys foreign_keys fullfsync hard_heap_limit
			ignore_check_constraints incremental_vacuum journal_mode journal_size_limit locking_mode
			max_page_count mmap_size optimize page_size query_only recursive_triggers secure_delete
			shrink_memory soft_heap_limit synchronous temp_store threads wal_autocheckpoint wal_checkpoint`,
		pragmaSets: `
			case_sensitive_like count_changes default_cache_size empty_result_callbacks encoding
			full_column_names legacy_alter_table legacy_file_format read_uncommitted
			reverse_unordered_selects short_column_names trusted_schema writable_schema`,
		pragmaWrites:  `application_id auto_vacuum user_version`,
		pragmaUnclear: `schema_version`,
	} {
		for _, name := range strings.Fields(names) {
			known[name] = kind
		}
	}
	return known
}()
