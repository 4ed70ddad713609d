package dial_test

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/vantage-go/live/internal/dial"
)

type connector struct {
	connect func() (sqldriver.Conn, error)
}

func (c connector) Connect(context.Context) (sqldriver.Conn, error) { return c.connect() }
func (connector) Driver() sqldriver.Driver                          { return nil }
func (connector) Close() error                                      { return nil }

func TestPanicIsAnError(t *testing.T) {
	var absent map[string]int
	for name, c := range map[string]struct {
		panics func()
		text   string
		is     error
	}{
		"text":    {func() { panic("no value in the context") }, "no value in the context", nil},
		"error":   {func() { panic(io.ErrUnexpectedEOF) }, "unexpected EOF", io.ErrUnexpectedEOF},
		"runtime": {func() { absent["a"] = 1 }, "nil map", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dial.Through(connector{func() (sqldriver.Conn, error) { c.panics(); return nil, nil }}).Connect(t.Context())
			var panicked *dial.PanicError
			if !errors.As(err, &panicked) || !strings.Contains(err.Error(), c.text) || !strings.Contains(string(panicked.Stack), "TestPanicIsAnError") {
				t.Fatalf("Connect returned %v", err)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("the error is not the one that it panicked with: %v", err)
			}
		})
	}
}

func TestErrorIsPassedOn(t *testing.T) {
	refused := errors.New("refused")
	c := dial.Through(connector{func() (sqldriver.Conn, error) { return nil, refused }})
	if _, err := c.Connect(t.Context()); err != refused { //nolint:errorlint // the very one
		t.Errorf("Connect returned %v", err)
	}
	if _, ok := any(c).(io.Closer); ok {
		t.Error("the program's connector can be closed")
	}
}
