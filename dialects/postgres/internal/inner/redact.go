package inner

import (
	"errors"
	"net/url"
)

// WithoutDSN returns err, the error of parsing a data source name, without the
// name that it may quote, password and all.
func WithoutDSN(err error) error {
	var quoted *url.Error
	if errors.As(err, &quoted) {
		return quoted.Err
	}
	return err
}
