package dialects

// sqlitePure: scalar, mathematical, aggregate, window and JSON functions of
// SQLite 3.54 and before. Not here: whatever takes a date, since 'now' is one;
// functions of the connection; sqlite_*; load_extension.
//
// LIKE and GLOB call the functions like and glob. The PRAGMA
// case_sensitive_like changes the first, and taints the connection.
const sqlitePure = `
	abs char coalesce concat concat_ws format glob hex if ifnull iif instr length like likelihood likely
	lower ltrim max min nullif octet_length printf quote replace round rtrim sign soundex substr substring
	trim typeof unhex unicode unistr unistr_quote unlikely upper zeroblob

	acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod
	pi pow power radians sin sinh sqrt tan tanh trunc

	avg count group_concat median percentile percentile_cont percentile_disc string_agg sum total

	cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number

	json json_array json_array_insert json_array_length json_each json_error_position json_extract
	json_group_array json_group_object json_insert json_object json_patch json_pretty json_quote
	json_remove json_replace json_set json_tree json_type json_valid
	jsonb jsonb_array jsonb_array_insert jsonb_each jsonb_extract jsonb_group_array jsonb_group_object
	jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set jsonb_tree
`

// sqliteHarmless: functions that ask the clock, chance or the connection, and
// what the schema offers as tables. The operators MATCH and REGEXP call
// functions of an extension or of the program; neither can write through the
// connection that runs the statement.
const sqliteHarmless = `
	current_date current_time current_timestamp date datetime julianday strftime time timediff unixepoch

	changes last_insert_rowid random randomblob sqlite_compileoption_get sqlite_compileoption_used
	sqlite_log sqlite_offset sqlite_source_id sqlite_version subtype total_changes

	bm25 highlight match matchinfo offsets regexp snippet

	pragma_collation_list pragma_compile_options pragma_data_version pragma_database_list
	pragma_foreign_key_check pragma_foreign_key_list pragma_freelist_count pragma_function_list
	pragma_index_info pragma_index_list pragma_index_xinfo pragma_integrity_check pragma_module_list
	pragma_page_count pragma_pragma_list pragma_quick_check pragma_table_info pragma_table_list
	pragma_table_xinfo pragma_user_version
`
