package listen

import (
	"context"
	"errors"
	"fmt"
)

// ErrNoTokens is returned by a feed whose source has no tokens.
var ErrNoTokens = errors.New("listen: this change feed has no tokens")

// Token returns a text that stands for everything that was committed to the
// database before the call. A process that is given it can wait with WaitFor
// until its own feed has come as far. It costs one poll. Beside the errors of
// Sync, it returns [ErrNoTokens].
func (f *Feed) Token(ctx context.Context) (string, error) {
	source, ok := f.source.(Tokens)
	if !ok {
		return "", ErrNoTokens
	}
	if err := f.Sync(ctx); err != nil {
		return "", err
	}
	f.stateMu.Lock()
	cursor := f.cursor
	f.stateMu.Unlock()
	token, err := source.Token(cursor)
	if err != nil {
		return "", fmt.Errorf("listen: making a token: %w", err)
	}
	return token, nil
}

// Reached reports whether everything that a token stands for has been applied
// by every consumer. Once true it stays true. It does no I/O. The error is a
// [*TokenError] for a token of another database, or [ErrNoTokens].
func (f *Feed) Reached(token string) (bool, error) {
	source, ok := f.source.(Tokens)
	if !ok {
		return false, ErrNoTokens
	}
	f.stateMu.Lock()
	cursor := f.cursor
	f.stateMu.Unlock()
	if cursor == nil {
		return false, nil
	}
	return source.Reached(cursor, token)
}

// WaitFor returns when everything that a token stands for has been applied by
// every consumer. Beside the errors of Sync, it returns a [*TokenError] for a
// token of another database.
func (f *Feed) WaitFor(ctx context.Context, token string) error {
	reached, err := f.Reached(token)
	if err != nil || reached {
		return err
	}
	// The token is older than this call, and a poll that is sent now reports
	// whatever was committed before it: no cursors need to be compared.
	if err := f.Sync(ctx); err != nil {
		return err
	}
	_, err = f.Reached(token) // only now it may be known whose token it is
	return err
}
