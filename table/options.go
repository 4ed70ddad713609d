package table

import (
	"log/slog"
	"time"
)

// Option configures a table.
type Option func(*options)

type options struct {
	log      *slog.Logger
	progress func(rows int)
	async    bool
	order    []string
	columns  []string
	where    []condition
	every    time.Duration
	listed   bool
	store    RowStore
	window   windowOptions
}

// condition is one condition of a set.
type condition struct {
	text string
	args []any
}

func collect(opts []Option) *options {
	o := &options{log: slog.New(slog.DiscardHandler), window: windowOptions{calm: defaultCalm}}
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// WithLogger sets where troubles are told. Values are never logged.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// OnProgress sets a function that is called while all rows are read, now and
// then, with their number so far. It must be quick.
func OnProgress(f func(rows int)) Option { return func(o *options) { o.progress = f } }

// InBackground makes opening return before the rows are there: the table is
// Loading, and empty, until then.
func InBackground() Option { return func(o *options) { o.async = true } }

// OrderBy sets the order of Ascend and List, and of a window, by columns, each with
// DESC behind it or not. NULL comes last, texts are compared by their bytes, and
// rows that are equal so far are in the order of their keys.
func OrderBy(columns ...string) Option { return func(o *options) { o.order = columns } }

// Columns makes only these columns be read, and those of the key. Other fields
// keep their zero values, and are not written either.
func Columns(names ...string) Option { return func(o *options) { o.columns = names } }

// Where makes the set consist of the rows that meet a condition, in SQL with
// question marks for args. It narrows what is read and what any change through
// the table can reach. Several conditions must all be met.
func Where(text string, args ...any) Option {
	return func(o *options) { o.where = append(o.where, condition{text, args}) }
}

// PollEvery makes the table read all of its rows every d, and tell what differs.
// It is for tables whose changes nobody captures. The table is then as much
// as d out of date.
func PollEvery(d time.Duration) Option { return func(o *options) { o.every = d } }
