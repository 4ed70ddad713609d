package dialects

import (
	"maps"
	"slices"
	"strings"
)

// mysqlSet judges SET at i: a list of assignments, or one of several
// statements that only begin like one.
func (s *scanner) mysqlSet(i int) verdict {
	i++
	switch s.word(i) {
	case "password", "default":
		s.effect(Commits)
		return verdict{kind: Schema, why: "changes rights (SET " + strings.ToUpper(s.word(i)) + ")"}
	case "role":
		return asked("SET ROLE")
	case "transaction":
		return s.mysqlIsolation(i, false)
	case "global", "session", "local":
		if s.word(i+1) == "transaction" {
			return s.mysqlIsolation(i+1, s.word(i) != "global")
		}
	}
	worst := verdict{kind: Session}
	asks := false
	global := false // an assignment before was to a global variable
	for i < s.hi {
		end := s.nextComma(i)
		v := s.assignment(i, end, &global)
		asks = asks || v.settings
		if v.kind > worst.kind || worst.why == "" || worst.taint == "" && v.taint != "" {
			worst = v
		}
		i = end + 1
	}
	if worst.why == "" {
		return s.unknown(s.lo)
	}
	worst.settings = asks
	return worst
}

// asked is the verdict on a change of settings of which the session can tell.
func asked(what string) verdict {
	return verdict{kind: Session, why: "changes a setting (" + what + ")", settings: true}
}

// nextComma returns the index of the next comma outside of parentheses in the
// statement, or its end.
func (s *scanner) nextComma(i int) int {
	for ; i < s.hi; i++ {
		switch s.mark(i) {
		case ',':
			return i
		case '(', '[':
			i = s.toks[i].pair()
		}
	}
	return s.hi
}

// mysqlIsolation judges SET [scope] TRANSACTION at i. Dirty reads must not get
// into a cache. A session tells how it isolates its transactions, but not how
// the next one will be, for which alone a statement without a scope is meant.
func (s *scanner) mysqlIsolation(i int, session bool) verdict {
	if session {
		return asked("SET SESSION TRANSACTION")
	}
	return s.setVerdict("SET TRANSACTION", s.hasWord(i, s.hi, "uncommitted"))
}

// assignment judges one assignment between lo and hi.
func (s *scanner) assignment(lo, hi int, global *bool) verdict {
	scope, name, value := s.target(lo, hi)
	switch {
	case name == "" && scope == "":
		switch s.word(lo) {
		case "names", "character", "charset", "char":
			return asked("SET " + strings.ToUpper(s.word(lo)))
		}
		return s.unknown(s.lo)
	case scope == "@":
		return s.setVerdict("SET "+name, false)
	}
	toAll := scope == "global" || scope == "persist" || scope == "persist_only"
	before := *global
	*global = toAll || scope == "" && before
	if name == "autocommit" && !toAll {
		if scope == "" && before {
			return s.unknown(s.lo) // servers disagree about whose variable that is
		}
		return s.autocommit(value, hi)
	}
	switch {
	case mysqlAsked[name], isIsolation(name) && !toAll && scope != "":
		return asked("SET " + clip(name))
	case isIsolation(name):
		return s.setVerdict("SET "+clip(name), s.maybeDirty(value, hi))
	}
	return s.setVerdict("SET "+clip(name), !mysqlHarmless[name])
}

// target reads the variable that the assignment at lo is to, and returns its
// scope ("@" of a user's variable), its name, and the index of the value.
func (s *scanner) target(lo, hi int) (scope, name string, value int) {
	i := lo
	t := &s.toks[i]
	switch {
	case t.kind == variable:
		name = strings.ToLower(s.text[t.start:t.end])
		i++
		if !strings.HasPrefix(name, "@@") {
			scope = "@"
			break
		}
		name = strings.Trim(name[2:], "`")
		if isScope(name) && s.mark(i) == '.' && i+1 < hi && s.isName(i+1) {
			scope, name = name, s.nameOf(&s.toks[i+1])
			i += 2
		}
	case s.isName(i):
		name = s.nameOf(t)
		i++
		if t.kind == bareWord && isScope(name) && i < hi && s.isName(i) {
			scope, name = name, s.nameOf(&s.toks[i])
			i++
		}
	default:
		return "", "", 0
	}
	if s.mark(i) == '.' {
		// A variable of a component or of a key cache.
		name += "."
		i += 2
	}
	if s.mark(i) == ':' {
		i++
	}
	if s.mark(i) != '=' || i+1 >= hi {
		return "", "", 0
	}
	return scope, name, i + 1
}

func isScope(word string) bool {
	switch word {
	case "global", "session", "local", "persist", "persist_only":
		return true
	}
	return false
}

// autocommit judges SET autocommit to the value between value and hi.
func (s *scanner) autocommit(value, hi int) verdict {
	if hi-value == 1 {
		v := verdict{kind: Control, why: "controls transactions (SET autocommit)", settings: true}
		switch s.plainValue(value) {
		case "0", "off", "false":
			s.effect(AutocommitOff)
			return v
		case "1", "on", "true":
			s.effect(AutocommitOn)
			return v
		}
	}
	return verdict{kind: Unclear, why: "sets autocommit to a value that is not in the text", taint: "SET autocommit"}
}

// plainValue returns the token at i in lower case, without its quotes.
func (s *scanner) plainValue(i int) string {
	t := &s.toks[i]
	return strings.ToLower(strings.Trim(s.text[t.start:t.end], `'"`))
}

func isIsolation(name string) bool { return name == "transaction_isolation" || name == "tx_isolation" }

// maybeDirty reports whether the value between value and hi may be the
// isolation level that reads what is not committed.
func (s *scanner) maybeDirty(value, hi int) bool {
	switch s.plainValue(value) {
	case "read-committed", "repeatable-read", "serializable":
		return hi-value != 1
	}
	return true
}

// MySQLSettings returns the session variables on which results may depend, of
// all versions of MySQL and MariaDB. Whoever keeps results has to know their
// values, and those of variables that [MySQLHarmless] does not know, either.
func MySQLSettings() []string { return slices.Sorted(maps.Keys(mysqlAsked)) }

// MySQLHarmless reports whether no result of a read outside of a transaction
// depends on the session variable of that name, other than by its order, its
// speed and whether it is cut off.
func MySQLHarmless(name string) bool { return mysqlHarmless[name] }

// mysqlAsked holds the variables on which results may depend.
var mysqlAsked = wordSet(`
	block_encryption_mode character_set_client character_set_collations character_set_connection
	character_set_database character_set_filesystem character_set_results character_set_server
	collation_connection collation_database collation_server cte_max_recursion_depth
	default_collation_for_utf8mb4 default_regex_flags default_week_format div_precision_increment
	explicit_defaults_for_timestamp group_concat_max_len lc_messages lc_time_names
	max_allowed_packet max_recursive_iterations max_sort_length new old old_mode
	sql_auto_is_null sql_mode sql_select_limit
	standard_compliant_cte system_versioning_asof time_zone windowing_use_high_precision
`)

// mysqlHarmless holds the variables on which no result of a read depends,
// other than by its order, its speed and whether it is cut off. Those that
// change what writes do (foreign_key_checks) are among them: whoever follows
// writes allows for either setting.
var mysqlHarmless = wordSet(`
	bulk_insert_buffer_size foreign_key_checks histogram_generation_max_mem_size
	information_schema_stats_expiry innodb_lock_wait_timeout innodb_strict_mode interactive_timeout
	join_buffer_size join_cache_level lock_wait_timeout long_query_time low_priority_updates
	max_error_count max_execution_time max_heap_table_size max_seeks_for_key max_statement_time
	min_examined_row_limit mrr_buffer_size net_buffer_length net_read_timeout net_retry_count
	net_write_timeout optimizer_prune_level optimizer_search_depth optimizer_switch optimizer_trace
	optimizer_trace_features optimizer_trace_limit optimizer_trace_max_mem_size optimizer_trace_offset
	optimizer_use_condition_selectivity parser_max_mem_size preload_buffer_size profiling
	profiling_history_size query_alloc_block_size query_prealloc_size range_alloc_block_size
	range_optimizer_max_mem_size read_buffer_size read_rnd_buffer_size slow_query_log sort_buffer_size
	sql_big_selects sql_log_bin sql_log_off sql_notes sql_quote_show_create sql_safe_updates
	sql_warnings tmp_table_size transaction_alloc_block_size transaction_prealloc_size
	transaction_read_only tx_read_only unique_checks use_stat_tables wait_timeout
`)
