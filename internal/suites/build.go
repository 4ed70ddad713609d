//go:build unix

package suites

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// module is the module that is tested: the one this package belongs to.
const module = "github.com/vantage-go/live"

// injectModule is the path under which a suite sees package inject. Packages
// named internal cannot be imported from other modules, so it goes by a name
// of its own.
const injectModule = "livesql.invalid/inject"

// Where package inject is in this module.
const (
	injectPath = module + "/internal/suites/inject"
	injectDir  = "internal/suites/inject"
)

// binary is the compiled tests of one package of a suite.
type binary struct {
	pkg  string // as in Suite.Packages
	path string
	dir  string // where its tests have to run
}

// build compiles the tests of a suite, with the hooks in it, inside dir.
func (r *Runner) build(ctx context.Context, s Suite, t Toolchain, dir string) ([]binary, error) {
	o, err := newOverlay(t, filepath.Join(dir, "overlay"))
	if err != nil {
		return nil, err
	}
	src := filepath.Join(dir, "src")
	if s.Module == "" {
		src = sqlDir(t)
		err = r.prepareSQL(o, s, t)
	} else {
		err = r.prepareModule(ctx, s, t, dir, src)
	}
	if err != nil {
		return nil, err
	}
	file, err := o.write()
	if err != nil {
		return nil, err
	}
	var built []binary
	for _, pkg := range s.Packages {
		b := binary{
			pkg:  pkg,
			path: filepath.Join(dir, "bin", strings.ReplaceAll(path.Join("suite", pkg), "/", "_")+".test"),
			dir:  filepath.Join(src, filepath.FromSlash(pkg)),
		}
		args := []string{"test", "-c", "-vet=off", "-overlay", file, "-o", b.path}
		if s.Module == "" {
			args = append(args, "database/sql")
		} else {
			// The copy is in another directory each time, which would
			// otherwise make the build cache miss.
			args = append(args, "-trimpath", "-ldflags=-X net.hostsFilePath="+r.hosts, "./"+pkg)
		}
		cmd := exec.CommandContext(ctx, t.Go(), args...)
		cmd.Env = t.env()
		cmd.Dir = dir
		if s.Module != "" {
			cmd.Dir = src
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s of %s with %s: %w\n%s", pkg, s.Name, t.Version, err, bytes.TrimSpace(out))
		}
		built = append(built, b)
	}
	return built, nil
}

// prepareModule makes a copy of the suite's module in src, in which every
// package with tests has the injected file.
func (r *Runner) prepareModule(ctx context.Context, s Suite, t Toolchain, dir, src string) error {
	cached, err := download(ctx, r.Root, s.Module)
	if err != nil {
		return err
	}
	if err := copyTree(cached, src); err != nil {
		return fmt.Errorf("copy %s: %w", s.Module, err)
	}
	for _, e := range s.Edits {
		file := filepath.Join(src, filepath.FromSlash(e.File))
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		changed, err := e.apply(string(text))
		if err != nil {
			return fmt.Errorf("%s of %s: %w", e.File, s.Module, err)
		}
		if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
			return err
		}
	}
	for _, pkg := range s.Packages {
		in := filepath.Join(src, filepath.FromSlash(pkg))
		name, err := packageName(in)
		if err != nil {
			return err
		}
		after := s.After
		if pkg != "." {
			after = ""
		}
		content := injected(name, injectModule, s.Extra, after)
		if err := os.WriteFile(filepath.Join(in, injectedFile), []byte(content), 0o644); err != nil {
			return err
		}
	}
	own := filepath.Join(dir, "inject")
	for _, pkg := range append([]string{""}, s.Extra...) {
		to := filepath.Join(own, pkg)
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		err := r.sources(filepath.Join(injectDir, pkg), map[string]string{injectPath: injectModule}, func(name, text string) error {
			return os.WriteFile(filepath.Join(to, name), []byte(text), 0o644)
		})
		if err != nil {
			return err
		}
	}
	gomod := fmt.Sprintf("module %s\n\ngo %s\n\nrequire %s v0.0.0\n", injectModule, r.goDirective, module)
	if err := os.WriteFile(filepath.Join(own, "go.mod"), []byte(gomod), 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, t.Go(), "mod", "edit",
		"-go="+r.goDirective, "-toolchain=none",
		"-require="+module+"@v0.0.0", "-replace="+module+"="+r.Root,
		"-require="+injectModule+"@v0.0.0", "-replace="+injectModule+"="+own)
	cmd.Dir, cmd.Env = src, t.env()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go.mod of %s: %w\n%s", s.Module, err, bytes.TrimSpace(out))
	}
	return appendFile(filepath.Join(src, "go.sum"), filepath.Join(r.Root, "go.sum"))
}

// prepareSQL adds the wrapper, package inject and the injected file to
// database/sql itself. Nothing in GOROOT is touched: all of it is overlay.
func (r *Runner) prepareSQL(o *overlay, s Suite, t Toolchain) error {
	const inStd = "database/sql/livetest"
	dir := sqlDir(t)
	folders := map[string]string{"driver": "driver", injectDir: ""} // there, by here
	for _, extra := range s.Extra {
		folders[filepath.Join(injectDir, extra)] = extra
	}
	paths := map[string]string{module + "/driver": inStd + "/driver", injectPath: inStd}
	for from, to := range folders {
		err := r.sources(from, paths, func(name, text string) error {
			return o.set(filepath.Join(dir, "livetest", to, name), text)
		})
		if err != nil {
			return err
		}
	}
	for _, name := range []string{"sql_test.go", "fakedb_test.go"} {
		file := filepath.Join(dir, name)
		content, err := unwrapAssertions(file)
		if err != nil {
			return err
		}
		if err := o.set(file, content); err != nil {
			return err
		}
	}
	return o.set(filepath.Join(dir, injectedFile), injected("sql", inStd, s.Extra, ""))
}

// sources passes on the files of a folder of this module that are not tests,
// with other import paths in place of some.
func (r *Runner) sources(folder string, paths map[string]string, to func(name, text string) error) error {
	files, err := filepath.Glob(filepath.Join(r.Root, folder, "*.go"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s: no Go files", folder)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		changed := string(text)
		for from, path := range paths {
			changed = strings.ReplaceAll(changed, `"`+from+`"`, `"`+path+`"`)
		}
		if err := to(filepath.Base(file), changed); err != nil {
			return err
		}
	}
	return nil
}

// unwrapAssertions returns the text of a test file of database/sql in which
// the fields that hold a driver's value are unwrapped before their dynamic
// type is asserted.
func unwrapAssertions(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, text, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	type insertion struct {
		at   int
		text string
	}
	var insertions []insertion
	ast.Inspect(tree, func(n ast.Node) bool {
		assertion, ok := n.(*ast.TypeAssertExpr)
		if !ok {
			return true
		}
		field, isField := assertion.X.(*ast.SelectorExpr)
		isField = isField && slices.Contains([]string{"ci", "rowsi", "txi", "si", "connector"}, field.Sel.Name)
		// Since Go 1.27 helpers such as getFakeConn assert a literal interface.
		_, isLiteral := assertion.Type.(*ast.InterfaceType)
		if isField || isLiteral {
			insertions = append(insertions,
				insertion{fset.Position(assertion.X.Pos()).Offset, "UnwrappedForTest("},
				insertion{fset.Position(assertion.X.End()).Offset, ")"})
		}
		return true
	})
	slices.SortFunc(insertions, func(a, b insertion) int { return b.at - a.at })
	changed := string(text)
	for _, i := range insertions {
		changed = changed[:i.at] + i.text + changed[i.at:]
	}
	return changed, nil
}

const injectedFile = "aa_livesql_test.go"

// injected returns the test file that sets the hooks. It belongs to the
// external test package, so that what it imports may import the package under
// test. After is the import path of a package and a function of it to call when
// the hooks are set, or empty.
func injected(pkg, inject string, extra []string, after string) string {
	imports := fmt.Sprintf("\t%q\n", inject)
	for _, e := range extra {
		imports += fmt.Sprintf("\t_ %q\n", path.Join(inject, e))
	}
	if after != "" {
		pkg, function, _ := strings.Cut(after, "#")
		imports += fmt.Sprintf("\tundertest %q\n", pkg)
		after = "\n\tundertest." + function + "()"
	}
	return fmt.Sprintf(`package %s_test

import (
	"database/sql"
	"log"

%s)

func init() {
	wrap, err := inject.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	if wrap != nil {
		sql.WrapConnectorForTest = wrap
		sql.UnwrapForTest = inject.Hatch
	}%s
}
`, pkg, imports, after)
}

// packageName returns the name of the package in dir.
func packageName(dir string) (string, error) {
	pkg, err := build.ImportDir(dir, 0)
	if err != nil {
		var none *build.NoGoError
		if !errors.As(err, &none) {
			return "", err
		}
	}
	return pkg.Name, nil
}

func appendFile(to, from string) error {
	more, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(append([]byte{'\n'}, more...)); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
