package feed

import (
	"errors"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
)

func TestTokensOfOtherProcesses(t *testing.T) {
	d := captured(t)
	db := d.DB()
	writer, reader := follow(t, d.SocketDSN()), follow(t, d.SocketDSN())
	token := func() string {
		t.Helper()
		writer.glance()
		token, err := writer.backend.Token(writer.cursor)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	reached := func(token string) bool {
		t.Helper()
		ok, err := reader.backend.Reached(reader.cursor, token)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	slow, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Rollback() }()
	fixtureExec(t, slow, "INSERT INTO item (id) VALUES (1)")
	fixtureExec(t, db, "INSERT INTO item (id) VALUES (2)")
	before := token()
	if reached(before) {
		t.Error("reached before the reader has polled")
	}
	reader.glance()
	if !reached(before) {
		t.Error("not reached")
	}
	// The numbers of the slow transaction are below those that are known.
	if err := slow.Commit(); err != nil {
		t.Fatal(err)
	}
	after := token()
	if reached(after) {
		t.Error("reached although the slow transaction was not reported")
	}
	reader.glance()
	if !reached(after) || !reached(before) {
		t.Error("not reached")
	}
	if ok, err := reader.backend.Reached(nil, after); ok || err != nil {
		t.Errorf("before the first poll: %v, %v", ok, err)
	}
	c := reader.cursor.(cursor)
	c.epoch = "another"
	if ok, err := reader.backend.Reached(c, after); ok || err != nil {
		t.Errorf("in another epoch: %v, %v", ok, err)
	}
}

func TestTokensOfOthers(t *testing.T) {
	f, other := follow(t, captured(t).SocketDSN()), follow(t, captured(t).SocketDSN())
	foreign, err := other.backend.Token(other.cursor)
	if err != nil {
		t.Fatal(err)
	}
	own, err := f.backend.Token(f.cursor)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", "nonsense", foreign, own + "x", "x" + own, own + "/"} {
		var wrong *listen.TokenError
		if _, err := f.backend.Reached(f.cursor, token); !errors.As(err, &wrong) {
			t.Errorf("token %q: %v", token, err)
		}
	}
	var wrong *listen.TokenError
	if _, err := f.backend.Token(cursor{place: f.reader.place}); !errors.As(err, &wrong) {
		t.Errorf("a token without a log: %v", err)
	}
}

// TestTokensOfSchemaChanges: a poll that does not look at the capture knows
// nothing of a change that left no row in the log.
func TestTokensOfSchemaChanges(t *testing.T) {
	t.Parallel()
	d := captured(t)
	writer, reader := follow(t, d.SocketDSN()), follow(t, d.SocketDSN())
	fixtureExec(t, d.DB(), "ALTER TABLE item ALTER name TYPE text USING name || '!'")
	writer.expect(writer.poll(), "", "T item")
	token, err := writer.backend.Token(writer.cursor)
	if err != nil {
		t.Fatal(err)
	}
	reached := func(what string, want bool) {
		t.Helper()
		if ok, err := reader.backend.Reached(reader.cursor, token); ok != want || err != nil {
			t.Errorf("%s: reached %v, %v", what, ok, err)
		}
	}
	reader.expect(reader.still(), "")
	reached("a poll that did not look", false)
	reader.expect(reader.poll(), "", "T item")
	reached("a poll that looked", true)
	// What looks the same needs no other look.
	fixtureExec(t, d.DB(), "INSERT INTO item (id) VALUES (1)")
	writer.poll()
	if token, err = writer.backend.Token(writer.cursor); err != nil {
		t.Fatal(err)
	}
	reader.still()
	reached("rows alone", true)
	// Nor does what is reached cease to be.
	fixtureExec(t, d.DB(), "ALTER TABLE item ADD v int")
	reader.still()
	reached("another change that is not known", true)
	reader.poll()
	reached("another change that is known", true)
}

// still is a poll that does not look at the capture.
func (f *follower) still() listen.Delta {
	f.t.Helper()
	f.reader.checked = time.Now()
	return f.glance()
}
