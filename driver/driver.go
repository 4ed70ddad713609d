package driver

import (
	"context"
	sqldriver "database/sql/driver"
)

var (
	_ sqldriver.Driver        = (*openDriver)(nil)
	_ sqldriver.Driver        = (*contextDriver)(nil)
	_ sqldriver.DriverContext = (*contextDriver)(nil)
	_ sqldriver.Connector     = (*dsnConnector)(nil)
)

// WrapDriver wraps d so that h sees everything that happens on its
// connections. The result implements [sqldriver.DriverContext] only if d does,
// because database/sql behaves differently with and without it. It has a
// method Unwrap() sqldriver.Driver that returns d.
//
// Connections are shells, as [Wrap] describes them, whichever way they are
// opened.
func WrapDriver(d sqldriver.Driver, h Hooks, opts ...Option) sqldriver.Driver {
	od := &openDriver{inner: d, hooks: orNop(h), cfg: newConfig(opts)}
	if dc, ok := d.(sqldriver.DriverContext); ok {
		return &contextDriver{openDriver: od, inner: dc}
	}
	return od
}

// openDriver wraps a driver that has Open only.
type openDriver struct {
	inner sqldriver.Driver
	hooks Hooks
	cfg   config
}

// Open returns a connection to name. A driver with Open only never sees a
// context: see dsnConnector.
func (d *openDriver) Open(name string) (sqldriver.Conn, error) {
	return d.wrap(&dsnConnector{driver: d.inner, dsn: name}).Connect(context.Background())
}

// Unwrap returns the inner driver.
func (d *openDriver) Unwrap() sqldriver.Driver { return d.inner }

func (d *openDriver) wrap(c sqldriver.Connector) *connector {
	return &connector{inner: c, hooks: d.hooks, cfg: d.cfg}
}

// contextDriver wraps a driver that parses a name once into a connector.
type contextDriver struct {
	*openDriver
	inner sqldriver.DriverContext
}

// OpenConnector returns the inner driver's connector for name, wrapped.
func (d *contextDriver) OpenConnector(name string) (sqldriver.Connector, error) {
	c, err := d.inner.OpenConnector(name)
	if err != nil {
		return nil, err
	}
	return d.wrap(c), nil
}

// dsnConnector is to drivers that have Open only what database/sql's own type
// of that name is: the context is of no use to them.
type dsnConnector struct {
	driver sqldriver.Driver
	dsn    string
}

func (c *dsnConnector) Connect(context.Context) (sqldriver.Conn, error) { return c.driver.Open(c.dsn) }

func (c *dsnConnector) Driver() sqldriver.Driver { return c.driver }
