package dialects

import "strings"

// postgresDiscard judges DISCARD. DISCARD ALL leaves the session as the server
// starts one, which is not how the connection was set up if somebody set it up.
func (s *scanner) postgresDiscard(i int) verdict {
	what := strings.ToUpper(clip(s.word(i + 1)))
	v := verdict{kind: Session, why: "resets the session (DISCARD " + what + ")"}
	switch what {
	case "ALL":
		v.taint = "DISCARD ALL"
	case "PLANS", "SEQUENCES", "TEMP", "TEMPORARY":
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
	return s.setVerdict("SET "+clip(name), !local && !postgresHarmless[name])
}

// postgresReset judges RESET.
func (s *scanner) postgresReset(i int) verdict {
	name := s.settingName(i + 1)
	if name == "" {
		return s.unknown(s.lo)
	}
	return s.setVerdict("RESET "+clip(name), !postgresHarmless[name])
}

// setVerdict judges a change of a setting.
func (s *scanner) setVerdict(what string, matters bool) verdict {
	v := verdict{kind: Session, why: "changes a setting (" + what + ")"}
	if matters {
		v.taint = what
	}
	return v
}

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

// postgresHarmless holds the settings on which no result of a read depends,
// other than by its order, its speed and whether it is cut off.
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
