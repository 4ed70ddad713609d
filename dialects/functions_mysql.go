package dialects

// mysqlPure: functions that MySQL 8 and MariaDB 10.6 and later, or one of
// them, compute from their arguments. Collations, which reach everything,
// belong to the settings of the session.
const mysqlPure = `
	abs acos asin atan atan2 bit_count ceil ceiling conv cos cot crc32 crc32c degrees exp floor greatest
	interval least ln log log10 log2 mod pi pow power radians round sign sin sqrt tan truncate

	cast coalesce convert if ifnull isnull nullif nvl nvl2

	ascii bin bit_length char char_length character_length charset chr coercibility collation concat
	concat_ws elt export_set field find_in_set from_base64 hex insert instr lcase left length lengthb
	locate lower lpad ltrim make_set mid natural_sort_key oct octet_length ord position quote repeat
	replace reverse right rpad rtrim sformat soundex space strcmp substr substring substring_index
	to_base64 trim ucase unhex upper weight_string

	bin_to_uuid compress inet6_aton inet6_ntoa inet_aton inet_ntoa is_ipv4 is_ipv4_compat is_ipv4_mapped
	is_ipv6 is_uuid md5 sha sha1 sha2 uncompress uncompressed_length uuid_to_bin

	addtime get_format hour makedate maketime microsecond minute period_add period_diff sec_to_time second
	subtime time time_format time_to_sec timediff

	json_array json_array_append json_array_insert json_compact json_contains json_contains_path
	json_depth json_detailed json_equals json_exists json_extract json_insert json_keys json_length
	json_loose json_merge json_merge_patch json_merge_preserve json_normalize json_object
	json_objectagg json_overlaps json_pretty json_query json_quote json_remove json_replace
	json_schema_valid json_search json_set json_table json_type json_unquote json_valid json_value

	column_add column_check column_create column_delete column_exists column_get column_json column_list

	name_const

	any_value bit_and bit_or bit_xor count grouping max median min percentile_cont percentile_disc std
	stddev stddev_pop stddev_samp sum var_pop var_samp variance

	cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
`

// mysqlSession: functions that also read time_zone, lc_time_names,
// group_concat_max_len, default_week_format, div_precision_increment,
// block_encryption_mode, default_regex_flags or regexp_time_limit, and
// functions of dates, which take today's for a time of day.
const mysqlSession = `
	aes_decrypt aes_encrypt avg convert_tz date_format dayname format from_unixtime group_concat
	json_arrayagg monthname regexp_instr regexp_like regexp_replace regexp_substr str_to_date

	add_months adddate date date_add date_sub datediff day dayofmonth dayofweek dayofyear extract
	from_days last_day month quarter subdate timestamp timestampadd timestampdiff to_char to_days
	to_seconds week weekday weekofyear year yearweek
`

// mysqlHarmlessFunctions: functions that ask the clock, chance, the server or
// the state of the connection, and full-text search. The XPath of extractvalue
// and updatexml may hold variables of the session: //b[$@i]. get_lock is not
// here: a lock outlives its statement.
const mysqlHarmlessFunctions = `
	curdate current_date current_time current_timestamp curtime localtime localtimestamp now sleep sysdate
	unix_timestamp utc_date utc_time utc_timestamp

	rand random_bytes sys_guid uuid uuid_short uuidv7

	benchmark connection_id current_role current_user database default found_rows icu_version
	last_insert_id lastval load_file row_count schema session_user system_user user version

	decode des_decrypt des_encrypt encode encrypt old_password password

	format_bytes format_pico_time gtid_subset gtid_subtract json_storage_free json_storage_size
	statement_digest statement_digest_text

	is_free_lock is_used_lock master_pos_wait release_all_locks release_lock source_pos_wait
	wait_for_executed_gtid_set

	extractvalue match updatexml

	geomfromtext mbrcontains mbrintersects mbrwithin point polygon linestring st_area st_asbinary
	st_asgeojson st_astext st_aswkb st_aswkt st_buffer st_centroid st_contains st_crosses st_difference
	st_disjoint st_distance st_distance_sphere st_envelope st_equals st_geomfromgeojson st_geomfromtext
	st_geomfromwkb st_geometryfromtext st_intersection st_intersects st_isvalid st_latitude st_length
	st_longitude st_makeenvelope st_overlaps st_pointfromtext st_polygonfromtext st_simplify st_srid
	st_touches st_union st_within st_x st_y
`

// MySQLHas reports whether the server itself has the function of that name, of
// those that [Harmless] knows: MariaDB, or else MySQL. Where it has not, the
// name is that of a stored or loaded function, which may do anything.
func MySQLHas(maria bool, name string) bool {
	if maria {
		return !notInMariaDB[name]
	}
	return !notInMySQL[name]
}

// notInMariaDB and notInMySQL hold functions of the other product. Younger
// versions may have them, too.
var (
	notInMariaDB = wordSet(`
		any_value bin_to_uuid format_bytes format_pico_time grouping gtid_subset gtid_subtract icu_version
		is_uuid json_schema_valid json_storage_free json_storage_size linestring point polygon regexp_like
		source_pos_wait st_isvalid st_latitude st_longitude st_makeenvelope st_simplify statement_digest
		statement_digest_text uuid_to_bin uuidv7 wait_for_executed_gtid_set
	`)
	notInMySQL = wordSet(`
		add_months column_add column_check column_create column_delete column_exists column_get column_json
		column_list crc32c decode des_decrypt des_encrypt encode encrypt geomfromtext json_compact
		json_detailed json_equals json_exists json_loose json_normalize json_query lastval lengthb median
		natural_sort_key nvl nvl2 old_password password percentile_cont percentile_disc sformat sys_guid
		to_char uuidv7
	`)
)
