package dialects

import (
	"maps"
	"slices"
	"strings"
)

// This file judges what changes the session of a connection. Most of it the
// connection can be asked about afterwards: its settings, whether it has
// temporary objects or holds locks. What a transaction changes and then rolls
// back is asked about, too, since the cache asks when the transaction is over.

const setConfig = "set_config"

// postgresCall looks at functions that do more than compute.
func (s *scanner) postgresCall(i int, name string) {
	switch name {
	case "nextval", "setval":
		s.spoil("advances a sequence") // which no result that is kept depends on
	case setConfig:
		if !s.customSetting(i + 2) {
			s.facts.asks = setConfig
			s.facts.spells = s.facts.spells || !s.literalSetting(i+2, "search_path") && !s.literalSetting(i+2, "role")
		}
	case "pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared",
		"pg_advisory_unlock", "pg_advisory_unlock_shared", "pg_advisory_unlock_all":
		s.facts.asks = "an advisory lock"
	}
}

// customSetting reports whether the argument of a function at i is a plain
// literal with the name of a custom setting, which has a dot in it. No result
// that is kept depends on those: they are read by current_setting, and by
// functions of extensions that say so.
func (s *scanner) customSetting(i int) bool {
	if i >= s.hi || s.toks[i].kind != stringText || s.mark(i+1) != ',' {
		return false
	}
	literal := s.text[s.toks[i].start:s.toks[i].end]
	return literal[0] == '\'' && strings.Contains(literal, ".") && !strings.Contains(literal, "\\")
}

// literalSetting reports whether the argument of a function at i is a plain literal
// with that name.
func (s *scanner) literalSetting(i int, name string) bool {
	return i < s.hi && s.toks[i].kind == stringText && s.mark(i+1) == ',' &&
		lowerASCII(s.text[s.toks[i].start:s.toks[i].end]) == "'"+name+"'"
}

// postgresDiscard judges DISCARD.
func (s *scanner) postgresDiscard(i int) verdict {
	what := strings.ToUpper(clip(s.word(i + 1)))
	v := verdict{kind: Session, why: "resets the session (DISCARD " + what + ")"}
	switch what {
	case "ALL", "TEMP", "TEMPORARY":
		v.settings, v.spelling = true, what == "ALL"
	case "PLANS", "SEQUENCES":
	default:
		return s.unknown(i)
	}
	return v
}

// postgresSet judges SET.
func (s *scanner) postgresSet(i int) verdict {
	i++
	local := s.word(i) == "local"
	if w := s.word(i + 1); local || s.word(i) == "session" && w != "authorization" && w != "characteristics" {
		i++
	}
	name := s.settingName(i)
	switch name {
	case "transaction", "constraints":
		return verdict{kind: Control, why: "changes the transaction (SET " + strings.ToUpper(name) + ")"}
	case "":
		return s.unknown(s.lo)
	}
	// SET LOCAL ends with the transaction, or does nothing outside of one.
	return s.postgresSetVerdict("SET ", name, !local)
}

// postgresReset judges RESET.
func (s *scanner) postgresReset(i int) verdict {
	name := s.settingName(i + 1)
	if name == "" {
		return s.unknown(s.lo)
	}
	return s.postgresSetVerdict("RESET ", name, true)
}

// setVerdict judges a change of a setting that nobody asks for.
func (s *scanner) setVerdict(what string, matters bool) verdict {
	v := verdict{kind: Session, why: "changes a setting (" + what + ")"}
	if matters {
		v.taint = what
	}
	return v
}

// postgresSetVerdict judges a change of a setting. Custom settings have a dot in
// their names: see customSetting.
func (s *scanner) postgresSetVerdict(verb, name string, lasts bool) verdict {
	matters := !PostgresHarmless(name) && !strings.Contains(name, ".")
	return verdict{
		kind: Session, why: "changes a setting (" + verb + clip(name) + ")",
		settings: lasts && matters, spelling: postgresSpelling[lowerASCII(name)],
	}
}

// postgresSpelling are the settings that decide what a text means, of which Postgres
// takes no notice once it is prepared: by them, literals are read when it is analysed. It
// does of search_path, and of who asks.
var postgresSpelling = wordSet(`
	all array_nulls backslash_quote datestyle intervalstyle lc_monetary standard_conforming_strings
	time timezone timezone_abbreviations transform_null_equals xml xmloption
`)

// settingName returns the dotted name of a setting at i, or nothing.
func (s *scanner) settingName(i int) string {
	name := ""
	for i < s.hi && s.isName(i) {
		name += s.nameOf(&s.toks[i])
		i++
		if s.mark(i) != '.' {
			break
		}
		name += "."
		i++
	}
	return name
}

// PostgresHarmless reports whether no result of a read depends on the setting
// of that name, other than by its order, its speed and whether it is cut off.
func PostgresHarmless(name string) bool { return postgresHarmless[name] }

// PostgresHarmlessSettings returns the names of the settings that are harmless.
func PostgresHarmlessSettings() []string { return slices.Sorted(maps.Keys(postgresHarmless)) }

var postgresHarmless = wordSet(`
	application_name client_connection_check_interval client_min_messages commit_delay commit_siblings
	cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction deadlock_timeout
	default_statistics_target default_transaction_deferrable default_transaction_read_only
	effective_cache_size effective_io_concurrency enable_async_append enable_bitmapscan
	enable_gathermerge enable_hashagg enable_hashjoin enable_incremental_sort enable_indexonlyscan
	enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop
	enable_parallel_append enable_parallel_hash enable_partition_pruning enable_partitionwise_aggregate
	enable_partitionwise_join enable_seqscan enable_sort enable_tidscan from_collapse_limit geqo
	geqo_effort geqo_generations geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold
	hash_mem_multiplier idle_in_transaction_session_timeout idle_session_timeout jit jit_above_cost
	jit_inline_above_cost jit_optimize_above_cost join_collapse_limit lock_timeout log_duration
	log_min_duration_statement log_min_error_statement log_min_messages log_statement
	logical_decoding_work_mem maintenance_io_concurrency maintenance_work_mem
	max_parallel_maintenance_workers max_parallel_workers max_parallel_workers_per_gather
	min_parallel_index_scan_size min_parallel_table_scan_size parallel_leader_participation
	parallel_setup_cost parallel_tuple_cost plan_cache_mode random_page_cost seq_page_cost
	statement_timeout synchronous_commit tcp_keepalives_count tcp_keepalives_idle
	tcp_keepalives_interval tcp_user_timeout temp_buffers temp_file_limit track_activities track_counts
	track_functions track_io_timing transaction_timeout wal_compression work_mem
`)

func wordSet(list string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}
