//go:build !unix

package conform

import "time"

// ProcessorTime is not known here.
func ProcessorTime() time.Duration { return 0 }
