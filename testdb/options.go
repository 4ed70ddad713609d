package testdb

import (
	sqldriver "database/sql/driver"
	"strings"
	"time"

	"github.com/DATA-DOG/go-sqlmock"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/livesql"
)

// Option configures [Mock] or [Scripted].
type Option func(*options)

type options struct {
	tables  []dialects.Table
	livesql []livesql.Option

	// The rest is for Mock alone.
	flavor    dialects.Flavor
	matcher   sqlmock.QueryMatcher
	converter sqldriver.ValueConverter
	unordered bool
	pings     bool
}

func collect(opts []Option) *options {
	o := &options{flavor: dialects.Postgres, livesql: []livesql.Option{livesql.Lease(time.Hour)}}
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// Tables names the tables whose changes the feed reports, "table" or
// "schema.table", spelled as the catalogue of such a database spells them.
// Reads of these tables alone are kept. Several Tables add up.
func Tables(names ...string) Option {
	return func(o *options) {
		for _, name := range names {
			o.tables = append(o.tables, tableNamed(name))
		}
	}
}

func tableNamed(name string) dialects.Table {
	if schema, table, ok := strings.Cut(name, "."); ok {
		return dialects.Table{Schema: schema, Name: table}
	}
	return dialects.Table{Name: name}
}

// Options passes options to livesql, such as livesql.ResultBytes.
func Options(opts ...livesql.Option) Option {
	return func(o *options) { o.livesql = append(o.livesql, opts...) }
}

// Flavor tells whose statements the mock understands; Postgres without it.
// Only for [Mock].
func Flavor(f dialects.Flavor) Option {
	return func(o *options) { o.flavor = f }
}

// QueryMatcher sets how the mock compares statements, such as
// sqlmock.QueryMatcherEqual; by regular expression without it. Only for [Mock].
func QueryMatcher(m sqlmock.QueryMatcher) Option {
	return func(o *options) { o.matcher = m }
}

// ValueConverter sets the converter of arguments and row values of the mock,
// as sqlmock.ValueConverterOption does. Only for [Mock].
func ValueConverter(c sqldriver.ValueConverter) Option {
	return func(o *options) { o.converter = c }
}

// Unordered lets expectations be met in any order. Only for [Mock].
func Unordered() Option {
	return func(o *options) { o.unordered = true }
}

// MonitorPings makes the mock expect each Ping. Only for [Mock].
func MonitorPings() Option {
	return func(o *options) { o.pings = true }
}
