package livesql

import (
	"strconv"
	"strings"
	"time"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/internal/params"
)

// splitDSN takes livesql's own parameters out of a DSN and returns the rest as
// it was, and the options that they stand for.
func splitDSN(dsn string) (rest string, opts []Option, err error) {
	rest, own := params.Split(dsn)
	for _, p := range own {
		opt, err := paramOption(p.Name, p.Value)
		if err != nil {
			return "", nil, err
		}
		opts = append(opts, opt)
	}
	return rest, opts, nil
}

// paramOption returns the option that one parameter stands for.
func paramOption(name, value string) (Option, error) {
	bad := func(why string) (Option, error) { return nil, &OptionError{params.Prefix + name, value, why} }
	switch name {
	case "lease":
		d, err := time.ParseDuration(value)
		if err != nil {
			return bad("is not a duration such as 2s")
		}
		return Lease(d), nil
	case "deadline":
		d, err := time.ParseDuration(value)
		if err != nil {
			return bad("is not a duration such as 2s")
		}
		return FeedDeadline(d), nil
	case "ttl":
		d, err := time.ParseDuration(value)
		if err != nil {
			return bad("is not a duration such as 5m")
		}
		return TTL(d), nil
	case "bytes":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return bad("is not a number of bytes")
		}
		return CacheBytes(n), nil
	case "result_bytes":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return bad("is not a number of bytes")
		}
		return ResultBytes(n), nil
	case "consistency":
		c, ok := cache.ParseConsistency(value)
		if !ok {
			return bad("must be lease, strong, bounded:500ms, stale:1m or revalidate:5s")
		}
		return DefaultConsistency(c), nil
	case "never":
		return NeverCache(strings.Split(value, ",")...), nil
	case "verify":
		n, err := strconv.Atoi(value)
		if err != nil {
			return bad("is not a number of answers")
		}
		return Verify(n), nil
	case "install":
		switch value {
		case "auto":
			return AutoInstall(), nil
		case "never":
			return NoInstall(), nil
		case "own":
			return func(*options) error { return nil }, nil
		}
		return bad("must be auto, own or never")
	case "cache":
		switch value {
		case "off":
			return Off(), nil
		case "on":
			return func(*options) error { return nil }, nil
		}
		return bad("must be on or off")
	case "eager":
		on, err := strconv.ParseBool(value)
		if err != nil {
			return bad("must be true or false")
		}
		if !on {
			return func(*options) error { return nil }, nil
		}
		return Eager(), nil
	}
	return bad("is not a parameter of livesql (known: lease, consistency, ttl, deadline, bytes, result_bytes, never, verify, install, cache, eager)")
}
