//go:build unix

package suites

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// releases are the Go releases that are fetched when the machine's own go is
// another one.
var releases = map[string]string{
	"1.26": "go1.26.8",
	"1.27": "go1.27.0",
}

// Toolchain is one installed Go release.
type Toolchain struct {
	Version string // as in go1.26.8
	Root    string // its GOROOT, never inside the module cache
}

// Go returns the path of the release's go command.
func (t Toolchain) Go() string { return filepath.Join(t.Root, "bin", "go") }

// env returns the environment for the release's go command and for test
// binaries it built: nothing of the machine that a suite or the go command
// would take as a setting gets through.
func (t Toolchain) env(extra ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case strings.HasPrefix(name, "PG"), strings.HasPrefix(name, "MYSQL"), strings.HasPrefix(name, "SQLX_"),
			strings.HasPrefix(name, "LIVESQL_"):
		case name == "GOFLAGS", name == "GOWORK", name == "GOTOOLCHAIN", name == "GODEBUG", name == "GOROOT", name == "PATH":
		default:
			env = append(env, kv)
		}
	}
	env = append(env,
		"PATH="+filepath.Join(t.Root, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GOTOOLCHAIN=local", "GOWORK=off", "GOFLAGS=-mod=mod")
	return append(env, extra...)
}

// FindToolchain returns the release of a minor version such as "1.27": the
// go command in PATH if it is of that version, or else the pinned release from
// the Go module proxy, which is kept in the user's cache directory.
func FindToolchain(ctx context.Context, minor string) (Toolchain, error) {
	var local struct{ GOVERSION, GOROOT, GOMODCACHE string }
	if err := goJSON(ctx, "", &local, "env", "-json", "GOVERSION", "GOROOT", "GOMODCACHE"); err != nil {
		return Toolchain{}, err
	}
	if local.GOVERSION == "go"+minor || strings.HasPrefix(local.GOVERSION, "go"+minor+".") {
		if !within(local.GOROOT, local.GOMODCACHE) {
			return Toolchain{Version: local.GOVERSION, Root: local.GOROOT}, nil
		}
		return adopt(local.GOVERSION, local.GOROOT)
	}
	version, ok := releases[minor]
	if !ok {
		return Toolchain{}, fmt.Errorf("go %s: no release is pinned for it and go in PATH is %s", minor, local.GOVERSION)
	}
	module := fmt.Sprintf("golang.org/toolchain@v0.0.1-%s.%s-%s", version, runtime.GOOS, runtime.GOARCH)
	dir, err := download(ctx, "", module)
	if err != nil {
		return Toolchain{}, err
	}
	return adopt(version, dir)
}

// adopt copies a toolchain out of the module cache: the go command refuses to
// overlay files there.
func adopt(version, root string) (Toolchain, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return Toolchain{}, fmt.Errorf("place for %s: %w", version, err)
	}
	parent := filepath.Join(cache, "livesql", "toolchains")
	t := Toolchain{Version: version, Root: filepath.Join(parent, filepath.Base(root))}
	if _, err := os.Stat(t.Go()); err == nil {
		return t, nil
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return Toolchain{}, fmt.Errorf("place for %s: %w", version, err)
	}
	tmp, err := os.MkdirTemp(parent, version+"-")
	if err != nil {
		return Toolchain{}, fmt.Errorf("place for %s: %w", version, err)
	}
	defer os.RemoveAll(tmp)
	if err := copyTree(root, tmp); err != nil {
		return Toolchain{}, fmt.Errorf("copy %s: %w", version, err)
	}
	// Modules carry no file modes.
	for _, dir := range []string{"bin", filepath.Join("pkg", "tool")} {
		err := filepath.WalkDir(filepath.Join(tmp, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			return os.Chmod(path, 0o755)
		})
		if err != nil {
			return Toolchain{}, fmt.Errorf("copy %s: %w", version, err)
		}
	}
	// The directory appears whole or not at all; when another run was first,
	// its copy is as good.
	if err := os.Rename(tmp, t.Root); err != nil && !errors.Is(err, fs.ErrExist) {
		return Toolchain{}, fmt.Errorf("copy %s: %w", version, err)
	}
	return t, nil
}

// download returns the directory of a module in the module cache. It runs in
// dir, whose go.sum decides if it has the module's hash.
func download(ctx context.Context, dir, module string) (string, error) {
	var m struct{ Dir, Error string }
	err := goJSON(ctx, dir, &m, "mod", "download", "-json", module)
	if m.Error != "" {
		return "", fmt.Errorf("download %s: %s", module, m.Error)
	}
	return m.Dir, err
}

// goJSON runs the go command in PATH and decodes what it prints.
func goJSON(ctx context.Context, dir string, into any, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if len(out) > 0 {
		if jerr := json.Unmarshal(out, into); jerr != nil && err == nil {
			err = jerr
		}
	}
	if err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return nil
}

// within reports whether path lies in dir.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// copyTree copies the regular files under src into dst and makes the copies
// writable.
func copyTree(src, dst string) error {
	return filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dst, rel)
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, content, 0o644)
	})
}
