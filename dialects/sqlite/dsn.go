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
	_, query, found := strings.Cut(dsn, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return dsn // the driver says what is wrong with it
	}
	if values.Has("_busy_timeout") || values.Has("_timeout") {
		return dsn
	}
	for _, pragma := range values["_pragma"] {
		if strings.Contains(strings.ToLower(pragma), "busy_timeout") {
			return dsn
		}
	}
	if found {
		return dsn + "&_busy_timeout=5000"
	}
	return dsn + "?_busy_timeout=5000"
}

// absent reports whether dsn names a file that does not exist yet, or holds
// nothing yet: then livesql is the one that creates the database.
func absent(dsn string) bool {
	path, _, _ := strings.Cut(dsn, "?")
	if rest, ok := strings.CutPrefix(path, "file:"); ok {
		path = strings.TrimPrefix(rest, "//")
		if decoded, err := url.PathUnescape(path); err == nil {
			path = decoded
		}
	}
	if path == "" || strings.Contains(path, ":memory:") {
		return false
	}
	info, err := os.Stat(path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return info.Size() == 0
}
