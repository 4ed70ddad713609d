package driver

// Option changes how a connector is wrapped.
type Option interface {
	apply(*config)
}

// config is what the options of one wrapped connector add up to.
type config struct {
	eager bool
	epoch func() uint64 // nil without LazyReset
}

func newConfig(opts []Option) config {
	var cfg config
	for _, o := range opts {
		o.apply(&cfg)
	}
	return cfg
}

type optionFunc func(*config)

func (f optionFunc) apply(cfg *config) { f(cfg) }

// Eager makes Connect dial the inner connection at once, as an unwrapped
// connector does. By default Connect returns a shell and the first statement
// that needs the database dials.
func Eager() Option {
	return optionFunc(func(cfg *config) { cfg.eager = true })
}

// LazyReset leaves inner connections alone while only the session answers. Some
// drivers ask the operating system whether the server has hung up whenever a
// connection is taken from the pool, or the server itself after a second; that costs
// up to some hundred times what an answer from memory does.
//
// With the option, an inner connection that was not used since it was reset is
// neither reset again nor asked whether it is valid, for as long as epoch returns
// the same. It is reset before it is used, and database/sql replaces one that is bad
// then as it always does. All that is different: whoever takes a connection out of
// the pool, as a [*database/sql.Conn], may get one that has died since the epoch
// began, and be told by the first statement.
//
// Epoch is called whenever a connection is taken from the pool, by several
// goroutines. It should count the times that somebody has heard from the database.
func LazyReset(epoch func() uint64) Option {
	return optionFunc(func(cfg *config) { cfg.epoch = epoch })
}
