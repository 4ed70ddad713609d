package driver

// Option changes how a connector is wrapped.
type Option interface {
	apply(*config)
}

// config is what the options of one wrapped connector add up to.
type config struct {
	eager bool
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
