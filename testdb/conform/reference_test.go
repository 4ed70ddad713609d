package conform

import (
	"context"
	"testing"

	"github.com/vantage-go/live/listen"
)

// The reference passes: what its broken variants are caught by is what is
// wrong with them.
func TestReference(t *testing.T) {
	t.Parallel()
	Source(t, referenceEngine(nil))
}

func TestReferenceFlawsAreCaught(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		broken func(*reference)
		caught []string
	}{
		{
			"forgets open transactions", func(r *reference) { r.where = "xid >= $1 AND $2::xid8[] IS NOT NULL" },
			[]string{"open transaction does not delay others", "prepared transaction"},
		},
		{
			"waits for open transactions", func(r *reference) { r.horizon = true },
			[]string{"open transaction does not delay others", "prepared transaction"},
		},
		{
			"does not look at capture", func(r *reference) { r.blind = true },
			[]string{"lost trigger", "put back trigger", "swapped table", "altered table"},
		},
	} {
		e := referenceEngine(c.broken)
		for _, name := range c.caught {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				complaints := runCheck(t, &e, name)
				if len(complaints) == 0 {
					t.Errorf("a source that %s passes the check %q", c.name, name)
				}
				t.Log(complaints)
			})
		}
	}
}

// tokenSource answers wrongly about tokens.
type tokenSource struct {
	listen.Source
	reached func(right bool, err error) (bool, error)
}

func (s tokenSource) Token(c listen.Cursor) (string, error) {
	return s.Source.(listen.Tokens).Token(c)
}

func (s tokenSource) Reached(c listen.Cursor, token string) (bool, error) {
	return s.reached(s.Source.(listen.Tokens).Reached(c, token))
}

func TestTokenFlawsAreCaught(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reached func(right bool, err error) (bool, error)
		want    string
	}{
		"always reached":    {func(_ bool, err error) (bool, error) { return err == nil, err }, "Reached before the poll"},
		"never reached":     {func(_ bool, err error) (bool, error) { return false, err }, "Reached where the token was made"},
		"of all databases":  {func(right bool, _ error) (bool, error) { return right, nil }, "token of another database"},
		"unknown and right": {func(right bool, err error) (bool, error) { return right || err != nil, err }, "want a *listen.TokenError"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := withSources(referenceEngine(nil), func(s listen.Source) listen.Source { return tokenSource{s, c.reached} })
			wantComplaint(t, runCheck(t, &e, "tokens"), c.want)
		})
	}
}

// A token that does not tell which transactions were open.
func TestTokenOfOpenTransaction(t *testing.T) {
	t.Parallel()
	e := referenceEngine(func(r *reference) { r.byEnd = true })
	wantComplaint(t, runCheck(t, &e, "tokens"), "without a transaction that was open")
}

// A source that is no listen.Tokens, of an engine that does not say so.
func TestNoTokensIsCaught(t *testing.T) {
	t.Parallel()
	e := withFlaw(referenceEngine(nil), edit(func(*listen.Delta) {}))
	wantComplaint(t, runCheck(t, &e, "tokens"), "is no listen.Tokens")
}

// What only the reference has.
func TestMoreFlawsAreCaught(t *testing.T) {
	t.Parallel()
	for _, f := range []flaw{
		{"keys above the cap", edit(func(d *listen.Delta) {
			for i, c := range d.Changes {
				if c.Table.Name == "pile" && c.Key == nil {
					d.Changes[i].Op, d.Changes[i].Key = listen.Insert, int64(1)
				}
			}
		}), []string{"above the cap"}},
		{"does not see TRUNCATE", drop(func(c listen.Change) bool { return c.Op == listen.Whole }), []string{"truncate", "above the cap"}},
		{"does not see MERGE", drop(func(c listen.Change) bool { return c.Op == listen.Update }), []string{"extra MERGE"}},
		{"does not see COPY", drop(func(c listen.Change) bool { return c.Op == listen.Insert }), []string{"extra COPY"}},
	} {
		e := withFlaw(referenceEngine(nil), f.poll)
		for _, name := range f.caught {
			t.Run(f.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				if complaints := runCheck(t, &e, name); len(complaints) == 0 {
					t.Errorf("a source that %s passes the check %q", f.name, name)
				}
			})
		}
	}
}

// A poll that waits for a connection, whatever its context and Close say.
func TestStuckPollIsCaught(t *testing.T) {
	t.Parallel()
	polls := 0
	e := withFlaw(referenceEngine(nil), func() pollFunc {
		return func(ctx context.Context, r listen.Reader, since listen.Cursor) (listen.Delta, error) {
			if polls++; polls == 2 {
				// As if the connection had answered after all.
				return listen.Delta{Cursor: since}, nil
			}
			return r.Poll(ctx, since)
		}
	})
	wantComplaint(t, runCheck(t, &e, "frozen database"), "want an error")
}
