package pgx

import (
	sqldriver "database/sql/driver"
	"reflect"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// Varies reports whether connections of c are set up by code of the program's whenever
// one is taken from a pool, for the context that it is taken with: by a function given
// to pgx with OptionResetSession, or to a pgxpool. Its statements pass by the cache,
// as do the settings that it leaves.
//
// Pgx tells nobody what its connectors hold, so it is compared with what those hold
// that were made without options.
func (Dialect) Varies(c sqldriver.Connector) bool {
	v, plain := reflect.ValueOf(c), reflect.ValueOf(stdlib.GetConnector(pgx.ConnConfig{}))
	if v.Type() != plain.Type() {
		return false
	}
	field := v.FieldByName("pool")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*pgxpool.Pool]() {
		return true // a version of pgx of which nothing is known
	}
	pool := (*pgxpool.Pool)(field.UnsafePointer())
	if pool != nil {
		plain = reflect.ValueOf(stdlib.GetPoolConnector(nil))
	}
	reset, usual := v.FieldByName("ResetSession"), plain.FieldByName("ResetSession")
	if !reset.IsValid() || reset.Kind() != reflect.Func || reset.Pointer() != usual.Pointer() {
		return true
	}
	if pool == nil {
		return false
	}
	config := pool.Config()
	return config.PrepareConn != nil || config.BeforeAcquire != nil //nolint:staticcheck // programs still use it
}

// Prepares tells that pgx does.
func (Dialect) Prepares() bool { return true }
