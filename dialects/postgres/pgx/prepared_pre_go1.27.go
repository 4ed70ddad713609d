//go:build !go1.27

package pgx

import (
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// sentBinary is false: before Go 1.27 no rows scan, and nobody asks.
func sentBinary(*pgtype.Map, *stdlib.Rows, int) bool { return false }
