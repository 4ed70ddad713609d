package conform

import (
	"flag"
	"os"
)

var long = flag.Bool("conform.long", false, "run the conformance suites in full length, and hold their figures against bounds (or LIVESQL_LONG=1)")

// Long reports whether tests are to run in full length and to hold figures
// against bounds, by the flag -conform.long or the variable LIVESQL_LONG=1. The
// gate does neither: it shares its machine with others.
func Long() bool { return *long || os.Getenv("LIVESQL_LONG") == "1" }
