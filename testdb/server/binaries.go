//go:build unix

package server

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
)

// ErrNotInstalled is in the chain of the error about a server whose binaries
// were not found.
var ErrNotInstalled = errors.New("not installed")

// finder knows where the programs of one server can be.
type finder struct {
	engine   string
	pkg      string     // Debian's package
	env      string     // environment variable with a directory
	programs [][]string // what is needed, each under one of several names
	globs    []string   // directories outside PATH
	// scattered says that the programs may be in different directories. The
	// others belong to one version and must be side by side.
	scattered bool
}

// find returns the path of each program. With a directory, in which all must be,
// nothing else is looked at; then comes the environment variable, then PATH,
// then the usual places, the highest version first.
func (f finder) find(dir string) ([]string, error) {
	if dir == "" {
		dir = os.Getenv(f.env)
	}
	if dir != "" {
		if paths := f.in(dir); paths != nil {
			return paths, nil
		}
		return nil, fmt.Errorf("server: %s is %w in %s: %s not all there", f.engine, ErrNotInstalled, dir, f.names())
	}
	if paths := f.look(exec.LookPath); paths != nil {
		return paths, nil
	}
	dirs, err := f.usualPlaces()
	if err != nil {
		return nil, err
	}
	if f.scattered {
		if paths := f.look(func(name string) (string, error) { return lookAround(name, dirs) }); paths != nil {
			return paths, nil
		}
	}
	for _, dir := range dirs {
		if paths := f.in(dir); paths != nil {
			return paths, nil
		}
	}
	return nil, fmt.Errorf("server: %s is %w: %s not found in PATH or %q; install the package %s (make deps), or set %s to the directory of the programs",
		f.engine, ErrNotInstalled, f.names(), f.globs, f.pkg, f.env)
}

func (f finder) names() string {
	var names []string
	for _, p := range f.programs {
		names = append(names, p[0])
	}
	return fmt.Sprintf("%q", names)
}

// in looks for all programs in one directory.
func (f finder) in(dir string) []string {
	return f.look(func(name string) (string, error) { return exec.LookPath(filepath.Join(dir, name)) })
}

// usualPlaces are the directories to look into after PATH.
func (f finder) usualPlaces() ([]string, error) {
	var all []string
	for _, glob := range f.globs {
		dirs, err := filepath.Glob(glob)
		if err != nil {
			return nil, fmt.Errorf("server: %s: %w", glob, err)
		}
		slices.SortFunc(dirs, newestFirst)
		all = append(all, dirs...)
	}
	return all, nil
}

// lookAround looks for a program in PATH and then in some directories. Debian's
// users other than root do not have /usr/sbin in PATH.
func lookAround(name string, dirs []string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range dirs {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}

func (f finder) look(find func(string) (string, error)) []string {
	var paths []string
	for _, names := range f.programs {
		found := ""
		for _, name := range names {
			if path, err := find(name); err == nil {
				found = path
				break
			}
		}
		if found == "" {
			return nil
		}
		// A link may lead from a place without the files that the program looks
		// for relative to its own.
		if target, err := filepath.EvalSymlinks(found); err == nil && filepath.Base(target) == filepath.Base(found) {
			found = target
		}
		paths = append(paths, found)
	}
	return paths
}

// newestFirst orders directories that differ in a version number, such as
// /usr/lib/postgresql/9.6/bin and /usr/lib/postgresql/15/bin.
func newestFirst(a, b string) int {
	va, vb := version(a), version(b)
	switch {
	case va > vb:
		return -1
	case va < vb:
		return 1
	}
	return 0
}

func version(dir string) float64 {
	v, err := strconv.ParseFloat(filepath.Base(filepath.Dir(dir)), 64)
	if err != nil {
		return 0
	}
	return v
}

// identity is who a server runs as: the user of the test, unless that is root.
// PostgreSQL refuses root; the others do without.
func identity(names ...string) (uid, gid uint32, name string) {
	if os.Geteuid() != 0 {
		return 0, 0, ""
	}
	for _, n := range append(names, "nobody") {
		u, err := user.Lookup(n)
		if err != nil {
			continue
		}
		uid, uerr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gerr := strconv.ParseUint(u.Gid, 10, 32)
		if uerr == nil && gerr == nil {
			return uint32(uid), uint32(gid), n
		}
	}
	return 0, 0, ""
}
