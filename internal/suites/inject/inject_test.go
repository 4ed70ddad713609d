package inject

import (
	"context"
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type fakeConn struct{ sqldriver.Conn }

type fakeConnector struct{ closed *bool }

func (fakeConnector) Connect(context.Context) (sqldriver.Conn, error) { return fakeConn{}, nil }
func (fakeConnector) Driver() sqldriver.Driver                        { return nil }
func (c fakeConnector) Close() error                                  { *c.closed = true; return nil }

// proof opens the ledger in a new directory and returns a function that reads
// what the process has reported.
func proof(t *testing.T) func() Proof {
	t.Helper()
	dir := t.TempDir()
	t.Setenv(EnvProof, dir)
	evidence.proof = Proof{}
	return func() Proof {
		files, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		content, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		var p Proof
		if err := json.Unmarshal(content, &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
}

func TestFromEnv(t *testing.T) {
	for _, mode := range []string{"", "raw"} {
		t.Setenv(EnvMode, mode)
		if wrap, err := FromEnv(); wrap != nil || err != nil {
			t.Errorf("mode %q: %v", mode, err)
		}
	}
	t.Setenv(EnvMode, "no such")
	if _, err := FromEnv(); err == nil {
		t.Error("a mode that nobody registered was accepted")
	}
	for _, mode := range []string{"pass", "eager", "observed"} {
		t.Run(mode, func(t *testing.T) {
			read := proof(t)
			t.Setenv(EnvMode, mode)
			wrap, err := FromEnv()
			if err != nil {
				t.Fatal(err)
			}
			closed := false
			inner := fakeConnector{&closed}
			c := wrap(inner)
			conn, err := c.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := Unwrap(c); got != inner {
				t.Errorf("the connector unwraps to %T", got)
			}
			if got, ok := Unwrap(conn).(fakeConn); !ok {
				t.Errorf("the connection unwraps to %T", got)
			}
			if p := read(); p.Conns != 1 || p.Type != "*driver.conn" {
				t.Errorf("proof: %+v", p)
			}
			if err := c.(io.Closer).Close(); err != nil || !closed {
				t.Errorf("the inner connector was not closed: %v", err)
			}
		})
	}
}

// TestObserver breaks the contract of the session once in every way.
func TestObserver(t *testing.T) {
	ctx := t.Context()
	st := statement("SELECT 1")
	for _, tt := range []struct {
		want string // "" for what is allowed
		do   func(s *session)
	}{
		{"", func(s *session) {
			s.Dialed(ctx, fakeConn{})
			s.Begun(sqldriver.TxOptions{})
			_, c, _ := s.Query(ctx, s.Classify("SELECT 1"), nil, 0)
			rows, _ := c.Rows(ctx, fakeRows{})
			rows.Close()
			rows.Close()
			s.Executed(ctx, st, nil, nil)
			s.Ended(0)
			s.Released()
			s.Raw()
			s.Closed()
			s.Raw()
		}},
		{"after Closed", func(s *session) { s.Closed(); s.Released() }},
		{"after Closed", func(s *session) { s.Closed(); s.Closed() }},
		{"during another call", func(s *session) { defer s.enter("Query")(); s.Released() }},
		{"Dialed got no connection", func(s *session) { s.Dialed(ctx, nil) }},
		{"before Dialed", func(s *session) { s.Executed(ctx, st, nil, nil) }},
		{"ErrSkip", func(s *session) { s.Executed(ctx, st, nil, sqldriver.ErrSkip) }},
		{"did not return", func(s *session) { s.Query(ctx, nil, nil, 0) }},
		{"did not return", func(s *session) { s.Executed(ctx, "SELECT 1", nil, io.EOF) }},
		{"Begun came twice", func(s *session) { s.Begun(sqldriver.TxOptions{}); s.Begun(sqldriver.TxOptions{}) }},
		{"without Begun", func(s *session) { s.Ended(0) }},
		{"settled twice", func(s *session) {
			c := &call{session: s}
			c.Failed(io.EOF)
			c.Failed(io.EOF)
		}},
		{"Rows came before Dialed", func(s *session) { (&call{session: s}).Rows(ctx, fakeRows{}) }},
		{"Failed got no error", func(s *session) { (&call{session: s}).Failed(nil) }},
	} {
		read := proof(t)
		if err := evidence.open(os.Getenv(EnvProof)); err != nil {
			t.Fatal(err)
		}
		evidence.connected(counting{})
		tt.do(&session{})
		broken := read().Broken
		if tt.want == "" && len(broken) > 0 {
			t.Errorf("what is allowed was reported: %v", broken)
		}
		if tt.want != "" && !slices.ContainsFunc(broken, func(b string) bool { return strings.Contains(b, tt.want) }) {
			t.Errorf("%q was not reported: %v", tt.want, broken)
		}
	}
}

type counting struct{ sqldriver.Conn }

func (counting) Unwrap() sqldriver.Conn { return nil }

type fakeRows struct{}

func (fakeRows) Columns() []string            { return nil }
func (fakeRows) Close() error                 { return nil }
func (fakeRows) Next([]sqldriver.Value) error { return errors.New("no row") }
