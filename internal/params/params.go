// Package params takes livesql's own parameters out of data source names. It knows the
// two forms that drivers use: parameters behind a question mark, and key=value words. It
// does not know what the parameters mean.
package params

import (
	"net/url"
	"strings"
)

// Prefix marks a parameter as livesql's own.
const Prefix = "livesql_"

// Param is a parameter: its name without the prefix, and its value, of which
// percent signs behind a question mark are resolved, as drivers do with theirs.
type Param struct{ Name, Value string }

// Split returns the data source name without livesql's parameters, which is what it was in
// all else, and those. Of one that has a question mark, the part before it holds no
// parameter; it may hold a further question mark, in a password.
func Split(dsn string) (rest string, own []Param) {
	if !strings.Contains(dsn, Prefix) {
		return dsn, nil
	}
	isURL := strings.Contains(dsn, "?")
	separators := " "
	if isURL {
		separators = "?&"
	}
	var kept strings.Builder
	lead := "" // the separator before the next word that is kept
	for n := 0; ; n++ {
		end := strings.IndexAny(dsn, separators)
		word := dsn
		if end >= 0 {
			word = dsn[:end]
		}
		name, value, assigns := strings.Cut(word, "=")
		name, ours := strings.CutPrefix(name, Prefix)
		if ours = ours && assigns && (!isURL || n > 0); ours {
			if plain, err := url.QueryUnescape(value); isURL && err == nil {
				value = plain
			}
			own = append(own, Param{name, value})
		} else {
			kept.WriteString(lead + word)
		}
		if end < 0 {
			return kept.String(), own
		}
		if !ours {
			lead = dsn[end : end+1]
		}
		dsn = dsn[end+1:]
	}
}
