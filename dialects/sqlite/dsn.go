package sqlite

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"strings"
)

// withBusyTimeout adds a busy timeout to a dsn that has none.
func withBusyTimeout(dsn string) string {
	name, query, found := strings.Cut(dsn, "?")
	if name == "" {
		return dsn // the driver takes it for a name, or for a temporary database
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return dsn // the driver says what is wrong with it
	}
	if values.Has("_busy_timeout") || values.Has("_timeout") {
		return dsn
	}
	if values.Get("mode") == "memory" || strings.Contains(name, ":memory:") {
		return dsn // livesql opens no connections of its own to it
	}
	for _, pragma := range values["_pragma"] {
		if strings.Contains(strings.ToLower(pragma), "busy_timeout") {
			return dsn
		}
	}
	separator := "?"
	if found {
		separator = "&"
	}
	return dsn + separator + "_busy_timeout=5000"
}

// absent reports whether dsn names a file that does not exist yet, or holds
// nothing yet: then livesql is the one that creates the database.
func absent(dsn string) bool {
	path, query, _ := strings.Cut(dsn, "?")
	if uri, ok := strings.CutPrefix(path, "file:"); ok {
		values, err := url.ParseQuery(query)
		if err != nil || values.Get("mode") == "memory" {
			return false
		}
		if path, ok = uriPath(uri); !ok {
			return false
		}
	}
	if path == "" || path == ":memory:" {
		return false
	}
	info, err := os.Stat(path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return info.Size() == 0
}

// uriPath returns the path of a file URI without its scheme and query, as
// SQLite reads it, and false for a URI that SQLite refuses.
func uriPath(uri string) (string, bool) {
	uri, _, _ = strings.Cut(uri, "#")
	if rest, ok := strings.CutPrefix(uri, "//"); ok {
		host, path, _ := strings.Cut(rest, "/")
		if host != "" && host != "localhost" {
			return "", false
		}
		uri = "/" + path
	}
	path, err := url.PathUnescape(uri)
	return path, err == nil
}
