package dialects

import "strings"

// postgres judges the statements that only Postgres has, or has in its own
// way.
func (s *scanner) postgres(i int) verdict {
	word := s.word(i)
	switch word {
	case "":
		if s.mark(i) == '(' {
			return s.parenthesised(i)
		}
	case "table":
		return s.reads()
	case "merge", "truncate":
		return s.writes(i)
	case "copy":
		return s.postgresCopy(i)
	case "explain":
		return s.postgresExplain(i)
	case "begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release":
		return s.postgresControl(i)
	case "set":
		return s.postgresSet(i)
	case "reset":
		return s.postgresReset(i)
	case "create":
		return s.postgresCreate(i)
	case "alter", "drop", "comment", "grant", "revoke", "refresh", "security", "import", "reassign", "cluster", "reindex":
		return verdict{kind: Schema, why: "it changes the schema (" + strings.ToUpper(word) + ")"}
	case "vacuum":
		if s.hasWord(i, s.hi, "full") {
			return verdict{kind: Schema, why: "it rewrites tables (VACUUM FULL)"}
		}
		return verdict{kind: Bypass, why: "it changes no rows (VACUUM)"}
	case "analyze", "analyse", "checkpoint", "show", "listen", "unlisten", "notify":
		return verdict{kind: Bypass, why: "it must reach the database (" + strings.ToUpper(word) + ")"}
	case "declare", "fetch", "move", "close":
		return s.atLeast(Bypass, "it works on a cursor ("+strings.ToUpper(word)+")")
	case "lock":
		return verdict{kind: Session, why: "it locks a table (LOCK)"}
	case "discard":
		return s.postgresDiscard(i)
	case "prepare":
		if s.word(i+1) == "transaction" {
			s.effect(Prepares)
			return verdict{kind: Control, why: "it prepares a transaction (PREPARE TRANSACTION)"}
		}
		s.facts.sequence = false // executed later, by EXECUTE
		return verdict{kind: Session, why: "it names a statement (PREPARE)"}
	case "deallocate":
		return verdict{kind: Session, why: "it forgets a statement (DEALLOCATE)"}
	case "load":
		return verdict{kind: Session, why: "it loads a library (LOAD)", taint: "a loaded library"}
	case "call", "do", "execute":
		return verdict{kind: Unclear, why: "it runs code that is not in the text (" + strings.ToUpper(word) + ")", taint: strings.ToUpper(word)}
	}
	return s.unknown(i)
}

// parenthesised judges a statement that starts with parentheses, which can
// only be a query.
func (s *scanner) parenthesised(i int) verdict {
	for s.mark(i) == '(' {
		i++
	}
	switch s.word(i) {
	case "select", "values", "table", "with":
		return s.reads()
	}
	return s.unknown(i)
}

// atLeast judges a statement with a query inside that has the kind k itself.
func (s *scanner) atLeast(k Kind, why string) verdict {
	if v := s.reads(); v.kind > k {
		return v
	}
	return verdict{kind: k, why: why}
}

// postgresCopy judges COPY … FROM and COPY … TO.
func (s *scanner) postgresCopy(i int) verdict {
	for i++; i < s.hi; i++ {
		switch s.word(i) {
		case "from":
			return s.writes(s.lo)
		case "to":
			return s.atLeast(Bypass, "it copies rows out (COPY TO)")
		}
		if s.mark(i) == '(' {
			i = s.toks[i].pair()
		}
	}
	return s.unknown(s.lo)
}

// postgresExplain judges EXPLAIN, which executes its statement where ANALYZE
// is among its options, whatever value it has.
func (s *scanner) postgresExplain(i int) verdict {
	executes := false
	if i++; s.mark(i) == '(' {
		end := s.toks[i].pair()
		executes = s.hasWord(i, end, "analyze") || s.hasWord(i, end, "analyse") || s.holdsQuoted(i, end)
		i = end + 1
	}
	for ; ; i++ {
		switch s.word(i) {
		case "analyze", "analyse":
			executes = true
			continue
		case "verbose":
			continue
		}
		break
	}
	v := verdict{kind: Bypass, why: "it explains a statement (EXPLAIN)"}
	if !executes {
		s.facts.explained = true
		return v
	}
	switch s.word(i) {
	case "select", "values", "table", "with", "insert", "update", "delete", "merge", "create", "declare", "execute", "refresh":
	default:
		if s.mark(i) != '(' {
			return s.unknown(i)
		}
	}
	if inner := s.classify(i); inner.kind > Bypass {
		return inner
	}
	return v
}

// holdsQuoted reports whether an option may be spelt as a quoted name.
func (s *scanner) holdsQuoted(lo, hi int) bool {
	for ; lo < hi; lo++ {
		if s.toks[lo].kind == quotedName {
			return true
		}
	}
	return false
}

// postgresControl judges the words of transactions at i.
func (s *scanner) postgresControl(i int) verdict {
	word := s.word(i)
	v := verdict{kind: Control, why: "it controls a transaction (" + strings.ToUpper(word) + ")"}
	i++
	switch word {
	case "start":
		if s.word(i) != "transaction" {
			return s.unknown(s.lo)
		}
		i++
		fallthrough
	case "begin":
		return s.begins(i, v)
	case "savepoint", "release":
		return s.savepoints(word, i, v)
	}
	// COMMIT, END, ROLLBACK and ABORT.
	if s.word(i) == "prepared" {
		if word == "commit" {
			return verdict{kind: Unclear, why: "it commits a transaction that was prepared elsewhere (COMMIT PREPARED)"}
		}
		return v
	}
	return s.ends(word, i, v)
}

// begins judges what follows BEGIN or START TRANSACTION: [WORK|TRANSACTION]
// and modes.
func (s *scanner) begins(i int, v verdict) verdict {
	for ; i < s.hi; i++ {
		switch s.word(i) {
		case "work", "transaction", "isolation", "level", "serializable", "repeatable", "read", "committed",
			"uncommitted", "write", "only", "not", "deferrable", "with", "consistent", "snapshot":
			continue
		}
		if s.mark(i) != ',' {
			return s.unknown(s.lo)
		}
	}
	s.effect(Begins)
	return v
}

// ends judges what follows COMMIT, END, ROLLBACK or ABORT: [WORK|TRANSACTION],
// then TO [SAVEPOINT] name, or [AND [NO] CHAIN] [[NO] RELEASE].
func (s *scanner) ends(word string, i int, v verdict) verdict {
	rollback := word == "rollback" || word == "abort"
	if w := s.word(i); w == "work" || w == "transaction" && s.flavor == Postgres {
		i++
	}
	if s.word(i) == "to" && rollback {
		if i++; s.word(i) == "savepoint" && i+1 < s.hi {
			i++
		}
		if i+1 != s.hi {
			return s.unknown(s.lo)
		}
		return v
	}
	chain := false
	if s.word(i) == "and" {
		if i++; s.word(i) == "no" {
			i++
		} else {
			chain = true
		}
		if s.word(i) != "chain" {
			return s.unknown(s.lo)
		}
		i++
	}
	if s.flavor == MySQL {
		if s.word(i) == "no" {
			i++
		}
		if s.word(i) == "release" {
			i++
		}
	}
	if i != s.hi {
		return s.unknown(s.lo)
	}
	switch {
	case rollback && chain:
		s.effect(RollsBackAndBegins)
	case rollback:
		s.effect(RollsBack)
	case chain:
		s.effect(CommitsAndBegins)
	default:
		s.effect(Commits)
	}
	return v
}

// savepoints judges what follows SAVEPOINT or RELEASE [SAVEPOINT]: a name.
func (s *scanner) savepoints(word string, i int, v verdict) verdict {
	e := Saves
	if word == "release" {
		e = Releases
		if s.word(i) == "savepoint" && i+1 < s.hi {
			i++
		}
	}
	if i+1 != s.hi {
		return s.unknown(s.lo)
	}
	s.effect(e)
	return v
}

// postgresCreate judges CREATE, which makes temporary objects, too.
func (s *scanner) postgresCreate(i int) verdict {
	i++
	if s.word(i) == "or" && s.word(i+1) == "replace" {
		i += 2
	}
	if w := s.word(i); w == "local" || w == "global" {
		i++
	}
	if w := s.word(i); w == "temp" || w == "temporary" {
		return verdict{kind: Session, why: "it creates a temporary object", taint: "a temporary object"}
	}
	return verdict{kind: Schema, why: "it changes the schema (CREATE)"}
}

// postgresDiscard judges DISCARD. DISCARD ALL leaves the session as the server
// starts one, which is not how the connection was set up if somebody set it up.
func (s *scanner) postgresDiscard(i int) verdict {
	what := strings.ToUpper(clip(s.word(i + 1)))
	v := verdict{kind: Session, why: "it resets the session (DISCARD " + what + ")"}
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
	name, _ := s.settingName(i)
	switch name {
	case "transaction", "constraints":
		return verdict{kind: Control, why: "it changes the transaction (SET " + strings.ToUpper(name) + ")"}
	case "":
		return s.unknown(s.lo)
	}
	return s.setVerdict("SET "+clip(name), !local && !postgresHarmless[name])
}

// postgresReset judges RESET.
func (s *scanner) postgresReset(i int) verdict {
	name, _ := s.settingName(i + 1)
	if name == "" {
		return s.unknown(s.lo)
	}
	return s.setVerdict("RESET "+clip(name), !postgresHarmless[name])
}

// setVerdict judges a change of a setting.
func (s *scanner) setVerdict(what string, matters bool) verdict {
	v := verdict{kind: Session, why: "it changes a setting (" + what + ")"}
	if matters {
		v.taint = what
	}
	return v
}

// settingName returns the dotted name of a setting at i, and the index behind
// it.
func (s *scanner) settingName(i int) (name string, next int) {
	for i < s.hi && s.isName(i) {
		name += s.nameOf(&s.toks[i])
		i++
		if s.mark(i) != '.' {
			break
		}
		name += "."
		i++
	}
	return name, i
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
