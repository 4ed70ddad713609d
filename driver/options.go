package driver

import "time"

// Option changes how a connector is wrapped.
type Option interface {
	apply(*config)
}

// config is what the options of one wrapped connector add up to.
type config struct {
	eager bool
	lazy  time.Duration
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

// LazyReset is for inner connections whose ResetSession is expensive, as where it
// asks the operating system whether the server has hung up, which costs several
// times what an answer from memory does. While only the session has answered,
// the inner connection is reset at most once in d when it is taken from the
// pool, and otherwise before it is used, when database/sql replaces one that is
// bad as it always does. All that is different: whoever takes a connection out
// of the pool, as a [*database/sql.Conn], may get one that has been dead for up
// to d, and be told by the first statement.
func LazyReset(d time.Duration) Option {
	return optionFunc(func(cfg *config) { cfg.lazy = d })
}
