package dialects

// postgresPure: functions of Postgres 12 to 18 all of whose overloads are
// immutable, and the grammar's own functions that are as good.
const postgresPure = `
	abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh cot
	cotd degrees div erf erfc exp factorial floor gcd lcm ln log log10 min_scale mod pi pow power radians
	round scale sign sin sind sinh sqrt tan tand tanh trim_scale trunc width_bucket

	ascii bit_count bit_length btrim char_length character_length chr decode encode get_bit get_byte
	ilike initcap left like lower lpad ltrim md5 normalize octet_length overlay parse_ident position
	quote_ident regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
	regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim
	set_bit set_byte sha224 sha256 sha384 sha512 split_part starts_with string_to_array string_to_table
	strpos substr substring to_bin to_hex to_oct translate trim unistr upper

	cast coalesce greatest grouping least nullif num_nonnulls num_nulls

	bool char float4 float8 int2 int4 int8 interval varchar

	array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position
	array_positions array_prepend array_remove array_replace array_upper cardinality
	generate_subscripts trim_array unnest

	date_bin isfinite justify_days justify_hours justify_interval make_date make_interval make_time
	make_timestamp

	daterange int4range int8range isempty lower_inc lower_inf numrange range_merge tsrange tstzrange
	upper_inc upper_inf

	json_array_elements json_array_elements_text json_array_length json_each json_each_text
	json_extract_path json_extract_path_text json_object_keys json_strip_nulls json_typeof
	jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_each jsonb_each_text
	jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_keys
	jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first
	jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_typeof

	abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network set_masklen

	area box center circle diagonal diameter height isclosed isopen line lseg npoints path pclose point
	polygon popen radius slope width

	numnode querytree setweight strip ts_delete ts_filter ts_rank ts_rank_cd tsquery_phrase
	tsvector_to_array

	any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every
	max min mode percentile_cont percentile_disc range_agg range_intersect_agg regr_avgx regr_avgy
	regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp
	string_agg sum var_pop var_samp variance

	cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number

	pg_size_pretty uuid_extract_timestamp uuid_extract_version
`

// postgresSession: functions that are stable only because they read TimeZone,
// DateStyle, IntervalStyle, extra_float_digits, bytea_output or lc_*.
const postgresSession = `
	array_to_json array_to_string concat concat_ws date date_add date_part date_subtract date_trunc
	extract format generate_series json_agg json_agg_strict json_array json_arrayagg json_build_array
	json_build_object json_exists json_object json_object_agg json_object_agg_strict
	json_object_agg_unique json_objectagg json_populate_record json_populate_recordset json_query
	json_scalar json_serialize json_table json_to_record json_to_recordset json_value jsonb_agg
	jsonb_agg_strict jsonb_build_array jsonb_build_object jsonb_object_agg jsonb_object_agg_strict
	jsonb_object_agg_unique jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz
	jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_recordset
	jsonb_to_record jsonb_to_recordset length make_timestamptz money numeric overlaps quote_literal
	quote_nullable row_to_json time timestamp timestamptz timezone to_char to_date to_json to_jsonb
	to_number to_timestamp
`

// postgresHarmlessFunctions: functions that ask the clock, chance, the server,
// its catalogue or the files of text search, and locks that end with the
// transaction. None of them runs SQL that it is given as text.
const postgresHarmlessFunctions = `
	age clock_timestamp current_date current_time current_timestamp localtime localtimestamp now pg_sleep
	pg_sleep_for pg_sleep_until statement_timestamp timeofday timetz transaction_timestamp

	array_sample array_shuffle gen_random_uuid random random_normal setseed uuidv4 uuidv7

	current_catalog current_database current_query current_role current_schema current_schemas
	current_setting current_user inet_client_addr inet_client_port inet_server_addr inet_server_port
	pg_backend_pid pg_blocking_pids pg_client_encoding pg_conf_load_time pg_is_in_recovery
	pg_my_temp_schema pg_postmaster_start_time pg_trigger_depth session_user system_user user version

	currval lastval pg_current_snapshot pg_current_wal_flush_lsn pg_current_wal_insert_lsn
	pg_current_wal_lsn pg_current_xact_id pg_current_xact_id_if_assigned pg_last_wal_receive_lsn
	pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_lsn pg_sequence_last_value
	pg_snapshot_xip pg_snapshot_xmax pg_snapshot_xmin pg_visible_in_snapshot pg_wal_lsn_diff
	pg_xact_commit_timestamp pg_xact_status txid_current txid_current_if_assigned txid_current_snapshot
	txid_snapshot_xip txid_snapshot_xmax txid_snapshot_xmin txid_status txid_visible_in_snapshot

	has_any_column_privilege has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege
	has_function_privilege has_language_privilege has_schema_privilege has_sequence_privilege
	has_server_privilege has_table_privilege has_tablespace_privilege has_type_privilege pg_has_role
	row_security_active

	aclexplode col_description enum_first enum_last enum_range format_type obj_description
	pg_collation_for pg_collation_is_visible pg_column_compression pg_column_is_updatable pg_column_size
	pg_describe_object pg_encoding_to_char pg_function_is_visible pg_get_constraintdef pg_get_expr
	pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result
	pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_partition_constraintdef pg_get_partkeydef
	pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef pg_get_triggerdef pg_get_userbyid
	pg_get_viewdef pg_identify_object pg_index_column_has_property pg_index_has_property
	pg_indexam_has_property pg_indexes_size pg_is_other_temp_schema pg_options_to_table
	pg_partition_ancestors pg_partition_root pg_partition_tree pg_relation_filenode pg_relation_filepath
	pg_relation_is_updatable pg_relation_size pg_database_size pg_table_is_visible pg_table_size
	pg_tablespace_location pg_tablespace_size pg_total_relation_size pg_type_is_visible pg_typeof
	shobj_description to_regclass to_regnamespace to_regproc to_regprocedure to_regrole to_regtype

	get_current_ts_config json_to_tsvector jsonb_to_tsvector phraseto_tsquery plainto_tsquery to_tsquery
	to_tsvector ts_headline ts_lexize websearch_to_tsquery

	xml xml_is_well_formed xml_is_well_formed_content xml_is_well_formed_document xmlagg xmlattributes
	xmlcomment xmlconcat xmlelement xmlexists xmlforest xmlparse xmlpi xmlroot xmlserialize xpath
	xpath_exists

	pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared pg_advisory_xact_lock
	pg_advisory_xact_lock_shared pg_notification_queue_usage pg_notify pg_try_advisory_xact_lock
	pg_try_advisory_xact_lock_shared pg_listening_channels

	bernoulli system
`
