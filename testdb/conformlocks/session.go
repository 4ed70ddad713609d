package conformlocks

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/vantage-go/live/dialects"
)

// Session runs the statements of scripts one after the other, for good, and holds
// what is said of them against their locks: a read or a write outside of a
// transaction runs once before, in one that is rolled back.
type Session struct {
	Server *Server
	// Open opens a session; a script may end its own.
	Open func() *sql.Conn
	// Mean reads the schema as it is now.
	Mean func() Meaning
	// Skips says of a statement that it is not to be run, Ends that it would
	// end the transaction around it, Begins that it begins one, beside BEGIN
	// and START. None has to be there.
	Skips, Ends, Begins func(text string) bool

	Score Score

	conn    *sql.Conn
	meaning Meaning // nil when the schema may have changed
	inTx    bool
}

// Run runs the statements of a script.
func (s *Session) Run(tb testing.TB, script []string) {
	tb.Helper()
	if s.conn == nil {
		s.conn = s.Open()
	}
	for _, text := range script {
		if word(text) != "" && !is(s.Skips, text) {
			s.statement(tb, text)
		}
	}
	// A transaction that was left open.
	_, _ = s.conn.ExecContext(tb.Context(), "ROLLBACK")
	s.inTx = false
}

func (s *Session) statement(tb testing.TB, text string) {
	tb.Helper()
	ctx := tb.Context()
	if err := s.conn.PingContext(ctx); err != nil { // a script that ends its session
		s.conn, s.inTx = s.Open(), false
	}
	scan := dialects.ScanText(s.Server.Flavor, text)
	if (scan.Kind == dialects.Read || scan.Kind == dialects.Write) && !s.inTx && !is(s.Ends, text) {
		s.look(tb, text)
	}
	if scan.Kind == dialects.Read {
		return
	}
	if _, err := s.conn.ExecContext(ctx, text); err != nil && ctx.Err() != nil {
		tb.Fatal(err)
	}
	switch first := word(text); {
	case first == "begin" || first == "start" || is(s.Begins, text):
		s.inTx = true
	case first == "commit" || first == "end" || first == "abort" || first == "rollback" && !strings.Contains(strings.ToLower(text), " to "):
		s.inTx = false
	}
	if scan.Kind != dialects.Write {
		s.meaning = nil
	}
}

// look looks at the locks of a statement, if it runs.
func (s *Session) look(tb testing.TB, text string) {
	tb.Helper()
	o, err := s.Server.observe(tb.Context(), s.conn, text)
	if err != nil {
		return
	}
	if s.meaning == nil {
		// As if capture triggers were in place.
		s.meaning = Altered(s.Mean(), func(o *dialects.Object) {
			if strings.Contains(o.Why, "livesql is not installed in this database") {
				o.Why, o.Covered = "", true
			}
		})
	}
	s.Score.judge(s.Server, s.meaning, o)
}

// word returns the first word of a statement in lower case.
func word(text string) string {
	words := strings.Fields(strings.ToLower(text))
	if len(words) == 0 {
		return ""
	}
	return strings.TrimRight(words[0], ";")
}

func is(what func(string) bool, text string) bool { return what != nil && what(text) }
