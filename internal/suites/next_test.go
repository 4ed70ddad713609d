//go:build unix

package suites

import (
	"bytes"
	"go/build"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// next is the Go version after that of go.mod, in which rows may scan their columns
// themselves.
const next = "1.27"

// TestNextGo runs the tests with it that mean something else there.
func TestNextGo(t *testing.T) {
	if slices.Contains(build.Default.ReleaseTags, "go"+next) {
		return // those of this run are
	}
	toolchain, err := FindToolchain(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	var mod struct{ Dir string }
	if err := goJSON(t.Context(), "", &mod, "list", "-m", "-json", module); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	cmd := exec.CommandContext(t.Context(), toolchain.Go(), "test", "-mod=readonly", "-vet=off", "-count=1", "-v",
		"-run", "Scan|Line", "./driver", "./cache", "./dialects/postgres/pgx")
	cmd.Dir, cmd.Env = mod.Dir, toolchain.env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s took %v", toolchain.Version, time.Since(start))
	for _, test := range []string{"TestColumnScanner", "TestRowsThatScan", "TestScan", "TestScanByNumber", "TestScanTypesOfOneName", "TestScanOfTexts"} {
		if !bytes.Contains(out, []byte("--- PASS: "+test+" ")) {
			t.Errorf("%s did not run", test)
		}
	}
}
