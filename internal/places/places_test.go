package places

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"testing"
)

func TestNumber(t *testing.T) {
	var p Places
	a, b := p.Number("a"), p.Number("b")
	if a == 0 || a == b || p.Number("a") != a || p.Number("b") != b {
		t.Errorf("%d, %d, again %d, %d", a, b, p.Number("a"), p.Number("b"))
	}
}

// conn is a connection that answers with rows of one value.
type conn struct {
	sqldriver.Conn
	values []sqldriver.Value
	err    error
	closed bool
}

func (c *conn) QueryContext(context.Context, string, []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return c, nil
}

func (c *conn) Columns() []string { return []string{"text"} }

func (c *conn) Close() error {
	c.closed = true
	return nil
}

func (c *conn) Next(row []sqldriver.Value) error {
	if len(c.values) == 0 {
		if c.err != nil {
			return c.err
		}
		return io.EOF
	}
	row[0], c.values = c.values[0], c.values[1:]
	return nil
}

func TestAsk(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		conn conn
		want string
	}{
		{conn{values: []sqldriver.Value{"a"}}, "a"},
		{conn{values: []sqldriver.Value{[]byte("b")}}, "b"},
		{conn{values: []sqldriver.Value{nil}}, ""},
		{conn{values: []sqldriver.Value{"a", "b"}}, ""},
		{conn{values: []sqldriver.Value{"a"}, err: broken}, ""},
		{conn{err: broken}, ""},
		{conn{}, ""},
	} {
		got, err := Ask(t.Context(), &c.conn, "SELECT")
		if got != c.want || (err != nil) != (c.want == "") || !c.conn.closed {
			t.Errorf("%+v: %q, error %v", c.conn, got, err)
		}
	}
	if _, err := Ask(t.Context(), struct{ sqldriver.Conn }{}, "SELECT"); err == nil {
		t.Error("a connection that cannot be asked answered")
	}
}
