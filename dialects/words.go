package dialects

import "strings"

// flavors is a set of flavors.
type flavors uint8

const (
	sqlite   flavors = 1 << SQLite
	postgres flavors = 1 << Postgres
	mysql    flavors = 1 << MySQL
	every            = sqlite | postgres | mysql
)

func (s flavors) has(f Flavor) bool { return s>>f&1 != 0 }

// vocable is a word that means something to the scanner.
type vocable struct {
	text string

	// reserved: the word without quotes is never a name. Only words that all
	// supported versions reserve are listed.
	reserved flavors
	// grammar: the word before a parenthesis is never a function call.
	grammar flavors
	// infix: the word before a parenthesis is a call only where an operand is
	// due.
	infix flavors
	// bare: the word alone calls a function, or has one called.
	bare flavors
	// operand: behind the word an operand is due.
	operand bool
	// noted: scanner.note looks at the word.
	noted bool
}

// special lists the words with properties of their own.
var special = []vocable{
	{text: "select", reserved: every, grammar: every, operand: true},
	{text: "from", reserved: every, grammar: every, operand: true},
	{text: "where", reserved: every, grammar: every, operand: true},
	{text: "and", reserved: every, grammar: every, operand: true},
	{text: "or", reserved: every, grammar: every, operand: true},
	{text: "not", reserved: every, grammar: every, operand: true},
	{text: "in", reserved: every, grammar: every, operand: true},
	{text: "is", reserved: every, grammar: sqlite | mysql, infix: postgres, operand: true},
	{text: "as", reserved: every, grammar: every},
	{text: "on", reserved: every, grammar: every, operand: true},
	{text: "by", reserved: mysql, infix: every, operand: true},
	{text: "group", reserved: every, grammar: every},
	{text: "order", reserved: every, grammar: every},
	{text: "having", reserved: every, grammar: every, operand: true},
	{text: "limit", reserved: every, grammar: every, operand: true},
	{text: "offset", reserved: postgres, grammar: postgres | mysql, infix: sqlite, operand: true},
	{text: "fetch", reserved: postgres | mysql, grammar: postgres | mysql},
	{text: "union", reserved: every, grammar: every},
	{text: "except", reserved: sqlite | postgres, grammar: sqlite | postgres, infix: mysql},
	{text: "intersect", reserved: sqlite | postgres, grammar: sqlite | postgres, infix: mysql},
	{text: "case", reserved: every, grammar: every, operand: true},
	{text: "when", reserved: every, grammar: every, operand: true},
	{text: "then", reserved: every, grammar: every, operand: true},
	{text: "else", reserved: every, grammar: every, operand: true},
	{text: "end", reserved: postgres},
	{text: "distinct", reserved: every, grammar: every, operand: true},
	{text: "all", reserved: every, grammar: every, operand: true},
	{text: "any", reserved: postgres, grammar: postgres | mysql},
	{text: "some", reserved: postgres, grammar: postgres | mysql},
	{text: "exists", reserved: sqlite | mysql, grammar: every},
	{text: "between", reserved: sqlite | mysql, grammar: every, operand: true},
	{text: "values", reserved: sqlite | mysql, grammar: every},
	{text: "value", grammar: mysql, operand: true},
	{text: "join", reserved: every, grammar: sqlite | mysql, infix: postgres, operand: true},
	{text: "left", reserved: postgres | mysql},
	{text: "right", reserved: postgres | mysql},
	{text: "inner", reserved: postgres | mysql},
	{text: "outer", reserved: postgres | mysql},
	{text: "cross", reserved: postgres | mysql},
	{text: "natural", reserved: postgres | mysql},
	{text: "full", reserved: postgres},
	{text: "using", reserved: every, grammar: every, operand: true},
	{text: "lateral", reserved: postgres, grammar: postgres, operand: true},
	{text: "array", reserved: postgres, grammar: postgres},
	{text: "row", grammar: postgres | mysql},
	{text: "like", reserved: postgres | mysql, grammar: mysql, bare: sqlite, operand: true},
	{text: "ilike", reserved: postgres, operand: true},
	{text: "similar", reserved: postgres},
	{text: "glob", bare: sqlite, operand: true},
	{text: "regexp", reserved: mysql, grammar: mysql, bare: sqlite, operand: true},
	{text: "match", reserved: mysql, bare: sqlite, operand: true},
	{text: "rlike", reserved: mysql, grammar: mysql, operand: true},
	{text: "against", grammar: mysql, operand: true},
	{text: "div", reserved: mysql, grammar: mysql, operand: true},
	{text: "xor", reserved: mysql, grammar: mysql, operand: true},
	{text: "mod", reserved: mysql, operand: true},
	{text: "binary", reserved: mysql, grammar: mysql, operand: true},
	{text: "interval", reserved: mysql, operand: true},
	{text: "escape", reserved: sqlite, grammar: sqlite | mysql, infix: postgres, operand: true},
	{text: "collate", reserved: every, grammar: every},
	{text: "with", reserved: postgres | mysql, grammar: postgres | mysql, infix: sqlite, noted: true},
	{text: "over", infix: every},
	{text: "filter", infix: every},
	{text: "partition", grammar: mysql, infix: sqlite | postgres},
	{text: "set", reserved: sqlite | mysql, grammar: sqlite | mysql, infix: postgres, operand: true},
	{text: "sets", infix: postgres},
	{text: "table", reserved: every, grammar: every},
	{text: "to", reserved: every, grammar: every, operand: true},
	{text: "null", reserved: every, grammar: every},
	{text: "default", reserved: every, operand: true},
	{text: "create", reserved: every},
	{text: "alter", reserved: sqlite | mysql},
	{text: "drop", reserved: sqlite | mysql},
	{text: "true", reserved: postgres | mysql},
	{text: "false", reserved: postgres | mysql},
	{text: "asc", reserved: postgres | mysql},
	{text: "desc", reserved: postgres | mysql},
	{text: "returning", reserved: sqlite | postgres, grammar: sqlite | postgres, operand: true},
	{text: "only", reserved: postgres, grammar: postgres},
	{text: "index", reserved: sqlite | mysql, grammar: sqlite | mysql},
	{text: "key", reserved: mysql, grammar: mysql, infix: sqlite | postgres},
	{text: "of", grammar: mysql, operand: true},
	{text: "cast", grammar: sqlite},
	{text: "rollup", infix: every},
	{text: "cube", infix: every},
	{text: "conflict"},

	// Types with a length, which look like calls and cannot be.
	{text: "bigint", grammar: mysql},
	{text: "bit", grammar: postgres | mysql},
	{text: "blob", grammar: mysql},
	{text: "char", grammar: postgres},
	{text: "character", grammar: postgres},
	{text: "columns", grammar: mysql},
	{text: "dec", grammar: postgres | mysql},
	{text: "decimal", grammar: postgres | mysql},
	{text: "double", grammar: mysql},
	{text: "float", grammar: postgres | mysql},
	{text: "int", grammar: mysql},
	{text: "integer", grammar: mysql},
	{text: "mediumint", grammar: mysql},
	{text: "nchar", grammar: postgres | mysql},
	{text: "numeric", grammar: postgres | mysql},
	{text: "smallint", grammar: mysql},
	{text: "text", grammar: mysql},
	{text: "tinyint", grammar: mysql},
	{text: "varbinary", grammar: mysql},
	{text: "varchar", grammar: postgres | mysql},
	{text: "varying", infix: postgres},

	// Words of Postgres and of PL/pgSQL behind which an operand is due.
	{text: "assert", operand: true},
	{text: "elsif", operand: true},
	{text: "if", operand: true},
	{text: "overlaps", operand: true},
	{text: "perform", operand: true},
	{text: "return", operand: true},
	{text: "symmetric", operand: true},
	{text: "variadic", operand: true},
	{text: "while", operand: true},
	{text: "zone", operand: true},

	{text: "ordinality"},
	{text: "check", reserved: every, grammar: every},
	{text: "unique", reserved: every, grammar: every},
	{text: "references", reserved: every, grammar: every},
	{text: "materialized"},

	// What writes, locks or otherwise spoils a read.
	{text: "into", reserved: every, grammar: every, noted: true},
	{text: "insert", reserved: sqlite | mysql, noted: true},
	{text: "update", reserved: sqlite | mysql, grammar: sqlite | mysql, noted: true},
	{text: "delete", reserved: sqlite | mysql, grammar: sqlite | mysql, noted: true},
	{text: "replace", reserved: mysql, noted: true},
	{text: "merge", noted: true},
	{text: "for", reserved: postgres | mysql, grammar: postgres | mysql, infix: sqlite, operand: true, noted: true},
	{text: "lock", reserved: mysql, noted: true},
	{text: "next", noted: true},
	{text: "previous", noted: true},
	{text: "nextval", noted: true},
	{text: "setval", noted: true},
	{text: "set_config", noted: true},
	{text: "get_lock", noted: true},
	{text: "pg_advisory_lock", noted: true},
	{text: "pg_advisory_lock_shared", noted: true},
	{text: "pg_try_advisory_lock", noted: true},
	{text: "pg_try_advisory_lock_shared", noted: true},
	{text: "sql_calc_found_rows", reserved: mysql, noted: true},
	{text: "sql_no_cache", reserved: 0, noted: true},
	{text: "procedure", reserved: mysql, noted: true},
	{text: "examined", noted: true},
	{text: "timetz", noted: true},
	{text: "time", grammar: postgres, noted: true},
	{text: "datetime", noted: true},
	{text: "date", noted: true},
	{text: "timestamp", grammar: postgres, noted: true},

	// Functions that need no parentheses.
	{text: "current_date", reserved: 0, bare: every},
	{text: "current_time", reserved: 0, bare: every},
	{text: "current_timestamp", reserved: 0, bare: every},
	{text: "localtime", bare: postgres | mysql},
	{text: "localtimestamp", bare: postgres | mysql},
	{text: "utc_date", bare: mysql},
	{text: "utc_time", bare: mysql},
	{text: "utc_timestamp", bare: mysql},
	{text: "current_user", bare: postgres | mysql},
	{text: "current_role", bare: postgres | mysql},
	{text: "session_user", bare: postgres},
	{text: "system_user", bare: postgres},
	{text: "user", bare: postgres},
	{text: "current_catalog", bare: postgres},
	{text: "current_schema", bare: postgres},
}

// plain lists words that start or shape statements. They are here for speed
// alone: scanner.word reads any other word as well.
const plain = `
	abort analyze attach begin call checkpoint close commit copy deallocate declare describe detach
	discard do execute explain grant handler isolation level listen load local move names notify
	pragma prepare read refresh reindex release rename reset restrict revoke role rollback savepoint
	session show start temp temporary transaction trigger truncate unlisten unlock use vacuum view work
	write xa

	dual force ignore indexed minus recursive rows straight_join tablesample window
`

// vocabulary holds every known word; its first entry stands for all others.
var vocabulary = func() []vocable {
	list := append([]vocable{{}}, special...)
	for _, text := range strings.Fields(plain) {
		list = append(list, vocable{text: text})
	}
	return list
}()

// wordIndex finds a word of the vocabulary by its lower-case text.
var wordIndex = func() map[string]uint16 {
	index := make(map[string]uint16, len(vocabulary))
	for i := 1; i < len(vocabulary); i++ {
		index[vocabulary[i].text] = uint16(i)
	}
	return index
}()

// longestWord is the length of the longest word of the vocabulary.
const longestWord = len("pg_try_advisory_lock_shared")

// lookUp returns the index of a word in the vocabulary, or 0.
func lookUp(word string) uint16 {
	if len(word) > longestWord {
		return 0
	}
	var low [longestWord]byte
	for i := range len(word) {
		low[i] = lower(word[i])
	}
	return wordIndex[string(low[:len(word)])]
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}
