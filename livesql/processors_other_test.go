//go:build !linux

package livesql_test

import (
	"database/sql"
	"testing"
)

// apart is known to work on Linux only.
func apart(*testing.B, *sql.DB) bool { return false }
