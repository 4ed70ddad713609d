package dialects

import (
	"strings"
	"sync"
)

// Pure reports whether the built-in function of that name computes its result
// from its arguments alone. The name is as in
// [Scan.Calls]. Names with an overload that is not pure are not.
//
// The lists speak of the functions that the database itself has. Whether
// somebody has created another one of the same name has to be asked of the
// catalogue.
func Pure(f Flavor, name string) bool {
	return trust(f, name) >= pureFunction
}

// SessionPure reports whether the built-in function of that name is [Pure], or
// depends on nothing but its arguments and the settings of its session: time
// zone, styles of dates, bytes and floats, language, limits of length. Its
// result may be kept under a key that holds those settings.
//
// Some functions in this list also ask the clock for today's date when they
// are given a time of day: in MySQL those of dates, given a TIME, and in
// Postgres timezone (AT TIME ZONE), given a time with time zone. Whoever trusts
// them has to know that no column of such a type is involved.
func SessionPure(f Flavor, name string) bool {
	return trust(f, name) >= sessionFunction
}

// Harmless reports whether the built-in function of that name is known to
// write nothing and to change nothing that another statement could see in a
// result that is kept. All that is [SessionPure] is also harmless. A function
// that is not harmless is unknown, and has to count as writing everything.
func Harmless(f Flavor, name string) bool {
	return trust(f, name) >= harmlessFunction
}

// functionTrust tells how far the result of a function can be trusted.
type functionTrust uint8

const (
	unknownFunction functionTrust = iota
	harmlessFunction
	sessionFunction
	pureFunction
)

func trust(f Flavor, name string) functionTrust {
	switch f {
	case SQLite:
		return sqliteFunctions()[name]
	case Postgres:
		return postgresFunctions()[name]
	case MySQL:
		return mysqlFunctions()[name]
	default:
		return unknownFunction
	}
}

// The lists are made into maps when a database of the flavor is first used.
var (
	sqliteFunctions = sync.OnceValue(func() map[string]functionTrust {
		return trustMap(sqlitePure, "", sqliteHarmless)
	})
	postgresFunctions = sync.OnceValue(func() map[string]functionTrust {
		return trustMap(postgresPure, postgresSession, postgresHarmlessFunctions)
	})
	mysqlFunctions = sync.OnceValue(func() map[string]functionTrust {
		return trustMap(mysqlPure, mysqlSession, mysqlHarmlessFunctions)
	})
)

func trustMap(pure, session, harmless string) map[string]functionTrust {
	m := make(map[string]functionTrust)
	for _, list := range []struct {
		names string
		trust functionTrust
	}{{pure, pureFunction}, {session, sessionFunction}, {harmless, harmlessFunction}} {
		for _, name := range strings.Fields(list.names) {
			m[name] = list.trust
		}
	}
	return m
}
