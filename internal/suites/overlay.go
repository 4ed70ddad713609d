//go:build unix

package suites

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// sqlEdits give database/sql the two hooks that the injected test file sets.
// They change nothing as long as the hooks are nil, which is mode "raw".
var sqlEdits = []Edit{
	{
		Old: "func OpenDB(c driver.Connector) *DB {\n",
		New: `func OpenDB(c driver.Connector) *DB {
	if WrapConnectorForTest != nil {
		c = WrapConnectorForTest(c)
	}
`,
		Why: "every way to a *sql.DB leads through the wrapper",
	},
	{
		Old: "\terr = f(dc.ci)\n",
		New: "\terr = f(UnwrappedForTest(dc.ci))\n",
		Why: "suites assert their own connection type inside Conn.Raw",
	},
}

const sqlHooks = `
// WrapConnectorForTest is applied to every connector that OpenDB is given.
var WrapConnectorForTest func(driver.Connector) driver.Connector

// UnwrapForTest returns what is inside a wrapper of the driver interfaces.
var UnwrapForTest func(any) any

// UnwrappedForTest applies UnwrapForTest if it is set.
func UnwrappedForTest(v any) any {
	if UnwrapForTest != nil {
		return UnwrapForTest(v)
	}
	return v
}
`

// overlay collects the files that a build sees in place of (or in addition to)
// those in GOROOT.
type overlay struct {
	dir     string // where the contents are kept
	Replace map[string]string
}

// newOverlay returns an overlay with the changed database/sql of a toolchain.
func newOverlay(t Toolchain, dir string) (*overlay, error) {
	o := &overlay{dir: dir, Replace: map[string]string{}}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(sqlDir(t), "sql.go")
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text := string(src)
	for _, e := range sqlEdits {
		if text, err = e.apply(text); err != nil {
			return nil, fmt.Errorf("%s of %s: %w", path, t.Version, err)
		}
	}
	return o, o.set(path, text+sqlHooks)
}

func sqlDir(t Toolchain) string { return filepath.Join(t.Root, "src", "database", "sql") }

// set makes the build see content at path.
func (o *overlay) set(path, content string) error {
	file := filepath.Join(o.dir, fmt.Sprintf("%03d_%s", len(o.Replace), filepath.Base(path)))
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		return err
	}
	o.Replace[path] = file
	return nil
}

// write saves the overlay in the go command's format and returns the file.
func (o *overlay) write() (string, error) {
	content, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	file := filepath.Join(o.dir, "overlay.json")
	return file, os.WriteFile(file, content, 0o644)
}

// Edit is one change to a source file of somebody else.
type Edit struct {
	File string // relative to the suite's directory
	Old  string
	New  string
	All  bool // Old may occur more than once
	Why  string
}

// apply returns the changed text. A text in which Old does not occur exactly
// once (or, with All, at all) is not the one that the edit was written for.
func (e Edit) apply(text string) (string, error) {
	switch n := strings.Count(text, e.Old); {
	case n == 1, n > 1 && e.All:
		return strings.ReplaceAll(text, e.Old, e.New), nil
	default:
		return "", fmt.Errorf("%q occurs %d times; the edit for it (%s) has to be looked at", e.Old, n, e.Why)
	}
}
