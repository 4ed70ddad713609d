package sqlstore

import (
	"context"
	sqldriver "database/sql/driver"
	"reflect"
	"strconv"
	"time"

	"github.com/vantage-go/live/edit"
)

// isPQ reports whether a driver is lib/pq, behind whatever wraps it. It starts a
// goroutine for each statement whose context can end, which then asks the server
// to cancel the statement, and waits for that. On two processors this makes a single
// update about a sixth slower.
func isPQ(d sqldriver.Driver) bool {
	for {
		wrapper, ok := d.(interface{ Unwrap() sqldriver.Driver })
		if !ok {
			break
		}
		d = wrapper.Unwrap()
	}
	t := reflect.TypeOf(d)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t != nil && t.PkgPath() == "github.com/lib/pq"
}

// bound has the server itself give up statements of lib/pq after the time that the
// context has, where it does not do so earlier. That is all that the context could
// do: a server that does not answer is waited for in either case.
func (l *link) bound(ctx context.Context) {
	end, ok := ctx.Deadline()
	if !l.store.deaf || !ok {
		return
	}
	left := time.Until(end)
	if l.timeout > 0 && left < l.timeout*5/4 || left < time.Second {
		return
	}
	ms := strconv.FormatInt(left.Milliseconds(), 10)
	err := l.plain(ctx, "SELECT set_config('statement_timeout', '"+ms+"', false) FROM pg_catalog.pg_settings"+
		" WHERE name = 'statement_timeout' AND (setting = '0' OR setting::bigint > "+ms+" OR "+strconv.FormatBool(l.timeout > 0)+")")
	if err == nil {
		l.timeout = left
	}
}

// uncancelled returns a context that does not end for a single update that is
// determined, if the server gives it up in time. It waits for nothing but the lock
// of its row, which is bounded, too: whoever ends the writer waits for no longer
// than that.
func (l *link) uncancelled(ctx context.Context, ops []*edit.Op) context.Context {
	end, ok := ctx.Deadline()
	if l.timeout == 0 || !ok || ctx.Err() != nil || time.Until(end) < l.timeout/2 || l.determined(ops) == nil {
		return ctx
	}
	return context.WithoutCancel(ctx)
}
