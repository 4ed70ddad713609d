//go:build unix

package server

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// cache keeps a fresh data directory in the user's cache directory for the next
// server. It is an optimisation: whatever goes wrong means only that the
// directory is made anew.
type cache struct {
	dir string // "" if there is no cache
}

// newCache names a cache entry by what it depends on: the command and the
// programs behind it.
func newCache(name string, argv []string, programs ...string) cache {
	root, err := os.UserCacheDir()
	if err != nil {
		return cache{}
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", argv)
	for _, p := range programs {
		info, err := os.Stat(p)
		if err != nil {
			return cache{}
		}
		fmt.Fprintf(h, "%q %d %d\n", p, info.Size(), info.ModTime().UnixNano())
	}
	return cache{dir: filepath.Join(root, "livesql-testdb", name+"-"+hex.EncodeToString(h.Sum(nil))[:16])}
}

// copyTo copies the entry, if there is one, to a new directory.
func (c cache) copyTo(dir string) bool {
	if c.dir == "" {
		return false
	}
	if _, err := os.Stat(c.dir); err != nil {
		return false
	}
	if err := copyTree(c.dir, dir); err != nil {
		os.RemoveAll(dir)
		return false
	}
	return true
}

// fill makes the entry. The entry appears in one step, so that nobody ever sees
// half of it; the first of several writers wins.
func (c cache) fill(dir string) {
	if c.dir == "" || os.MkdirAll(filepath.Dir(c.dir), 0o755) != nil {
		return
	}
	tmp, err := os.MkdirTemp(filepath.Dir(c.dir), "new-")
	if err != nil {
		return
	}
	defer os.RemoveAll(tmp)
	entry := filepath.Join(tmp, "entry")
	if copyTree(dir, entry) == nil {
		_ = os.Rename(entry, c.dir) // fails if another process was first
	}
}

// copyTree copies directories and regular files.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case entry.IsDir():
			return os.Mkdir(target, 0o700)
		case entry.Type().IsRegular():
			return copyFile(path, target)
		}
		return fmt.Errorf("%s is neither a directory nor a file", path)
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
