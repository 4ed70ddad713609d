package dialects

import (
	sqldriver "database/sql/driver"
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// Dialect is one kind of database, with the driver that speaks to it by
// default. What else a dialect can do, it shows by further interfaces, which
// are declared where they are used.
type Dialect interface {
	// Name is the name under which the dialect is opened: "sqlite".
	Name() string

	// BindName is the driver name under which sqlx knows the dialect's
	// placeholders: "postgres", "mysql", "sqlite3".
	BindName() string

	// Flavor is the lexical grammar of its statements.
	Flavor() Flavor

	// Connector returns the inner driver's connector for dsn. It does not
	// dial.
	Connector(dsn string) (sqldriver.Connector, error)

	// Takes reports whether the inner driver does with an argument what
	// database/sql does by itself: see Session in package driver.
	Takes(v any) bool
}

// Plain reports whether v is of a type that drivers agree about with database/sql:
// a [database/sql/driver.Value] is bound as it is, a signed integer as an int64. It
// is what most dialects answer to Takes.
func Plain(v any) bool {
	switch v.(type) {
	case int, int8, int16, int32:
		return true
	}
	return sqldriver.IsValue(v)
}

// Makes reports whether c is of the type of the connectors that d makes, and so
// neither of another driver nor around one of d's. Nothing is dialled.
func Makes(d Dialect, c sqldriver.Connector) bool {
	own, err := d.Connector("")
	return err == nil && reflect.TypeOf(c) == reflect.TypeOf(own)
}

// UnknownError is returned for a dialect that no imported package registered.
type UnknownError struct {
	Name  string
	Known []string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("livesql: unknown dialect %q (forgotten import of its package? registered: %q)", e.Name, e.Known)
}

var registry struct {
	sync.Mutex
	dialects map[string]Dialect
	watchers []func(Dialect)
}

// Register makes a dialect known under its name. It is for init functions; a
// second dialect of the same name replaces the first, so that tests can stand
// one in.
func Register(d Dialect) {
	registry.Lock()
	if registry.dialects == nil {
		registry.dialects = make(map[string]Dialect)
	}
	registry.dialects[d.Name()] = d
	watchers := slices.Clone(registry.watchers)
	registry.Unlock()
	for _, watch := range watchers {
		watch(d)
	}
}

// OnRegister calls f for every dialect, those registered before and those that
// will be.
func OnRegister(f func(Dialect)) {
	registry.Lock()
	known := make([]Dialect, 0, len(registry.dialects))
	for _, d := range registry.dialects {
		known = append(known, d)
	}
	registry.watchers = append(registry.watchers, f)
	registry.Unlock()
	for _, d := range known {
		f(d)
	}
}

// Lookup returns the dialect of that name or an [*UnknownError].
func Lookup(name string) (Dialect, error) {
	registry.Lock()
	defer registry.Unlock()
	if d, ok := registry.dialects[name]; ok {
		return d, nil
	}
	known := make([]string, 0, len(registry.dialects))
	for n := range registry.dialects {
		known = append(known, n)
	}
	slices.Sort(known)
	return nil, &UnknownError{Name: name, Known: known}
}
