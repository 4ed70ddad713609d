package driver_test

import (
	sqldriver "database/sql/driver"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vantage-go/live/driver"
)

// When a wrapper shows an optional interface.
const (
	always  = "always"  // with database/sql's own fallback behind it
	ifInner = "ifInner" // its presence alone changes what database/sql does
	never   = "never"   // another interface takes precedence over it
)

// capability is one interface of database/sql/driver, by what may have it.
type capability struct {
	of   string
	name string
	typ  reflect.Type
	when string
}

func capabilities() []capability {
	return append([]capability{
		{"driver", "DriverContext", reflect.TypeFor[sqldriver.DriverContext](), ifInner},
		{"connector", "io.Closer", reflect.TypeFor[io.Closer](), always},
		{"conn", "Conn", reflect.TypeFor[sqldriver.Conn](), always},
		{"conn", "ConnPrepareContext", reflect.TypeFor[sqldriver.ConnPrepareContext](), always},
		{"conn", "ConnBeginTx", reflect.TypeFor[sqldriver.ConnBeginTx](), always},
		{"conn", "Execer", reflect.TypeFor[execer](), never},
		{"conn", "ExecerContext", reflect.TypeFor[sqldriver.ExecerContext](), always},
		{"conn", "Queryer", reflect.TypeFor[queryer](), never},
		{"conn", "QueryerContext", reflect.TypeFor[sqldriver.QueryerContext](), always},
		{"conn", "Pinger", reflect.TypeFor[sqldriver.Pinger](), always},
		{"conn", "SessionResetter", reflect.TypeFor[sqldriver.SessionResetter](), always},
		{"conn", "Validator", reflect.TypeFor[sqldriver.Validator](), always},
		{"conn", "NamedValueChecker", reflect.TypeFor[sqldriver.NamedValueChecker](), always},
		{"stmt", "Stmt", reflect.TypeFor[sqldriver.Stmt](), always},
		{"stmt", "StmtExecContext", reflect.TypeFor[sqldriver.StmtExecContext](), always},
		{"stmt", "StmtQueryContext", reflect.TypeFor[sqldriver.StmtQueryContext](), always},
		{"stmt", "NamedValueChecker", reflect.TypeFor[sqldriver.NamedValueChecker](), always},
		{"stmt", "ColumnConverter", reflect.TypeFor[converter](), ifInner},
		{"tx", "Tx", reflect.TypeFor[sqldriver.Tx](), always},
		{"rows", "Rows", reflect.TypeFor[sqldriver.Rows](), always},
		{"rows", "RowsNextResultSet", reflect.TypeFor[sqldriver.RowsNextResultSet](), always},
		{"rows", "RowsColumnTypeScanType", reflect.TypeFor[sqldriver.RowsColumnTypeScanType](), always},
		{"rows", "RowsColumnTypeDatabaseTypeName", reflect.TypeFor[sqldriver.RowsColumnTypeDatabaseTypeName](), always},
		{"rows", "RowsColumnTypeLength", reflect.TypeFor[sqldriver.RowsColumnTypeLength](), always},
		{"rows", "RowsColumnTypeNullable", reflect.TypeFor[sqldriver.RowsColumnTypeNullable](), always},
		{"rows", "RowsColumnTypePrecisionScale", reflect.TypeFor[sqldriver.RowsColumnTypePrecisionScale](), always},
	}, newCapabilities...)
}

// TestCapabilities dumps what the wrappers of every shape implement and
// compares it with what the shape implements.
func TestCapabilities(t *testing.T) {
	for _, sh := range append(shapes(), newShapes...) {
		t.Run(sh.name, func(t *testing.T) {
			inner := parts(t, &fakeConnector{newServer(sh.look)})
			srv := newServer(sh.look)
			plain := parts(t, driver.Wrap(&fakeConnector{srv}, nil))
			observed := parts(t, driver.Wrap(&fakeConnector{srv}, watching(srv, true)))
			for _, c := range capabilities() {
				if c.of == "driver" {
					continue
				}
				has := inner[c.of].Implements(c.typ)
				want := map[string]bool{always: true, ifInner: has, never: false}[c.when]
				if got := observed[c.of].Implements(c.typ); got != want {
					t.Errorf("observed %s implements %s: %t, want %t (inner: %t)", c.of, c.name, got, want, has)
				}
				if c.of == "rows" {
					want = has // rows that nobody observes are the inner ones
				}
				if got := plain[c.of].Implements(c.typ); got != want {
					t.Errorf("%s implements %s: %t, want %t (inner: %t)", c.of, c.name, got, want, has)
				}
			}
		})
	}
	for _, d := range []sqldriver.Driver{fakeDriver{}, fakeContextDriver{}} {
		for _, c := range capabilities() {
			if c.of != "driver" {
				continue
			}
			if has, got := reflect.TypeOf(d).Implements(c.typ), reflect.TypeOf(driver.WrapDriver(d, nil)).Implements(c.typ); got != has {
				t.Errorf("wrapped %T implements %s: %t", d, c.name, got)
			}
		}
	}
}

// parts returns the type of one of each that a connector leads to.
func parts(t *testing.T, c sqldriver.Connector) map[string]reflect.Type {
	t.Helper()
	cn, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cn.Close()
	st, err := cn.Prepare("select")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	tx, err := cn.Begin() //nolint:staticcheck // every connection has it
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	rows, err := st.Query(nil) //nolint:staticcheck // every statement has it
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	return map[string]reflect.Type{
		"connector": reflect.TypeOf(c), "conn": reflect.TypeOf(cn), "stmt": reflect.TypeOf(st),
		"tx": reflect.TypeOf(tx), "rows": reflect.TypeOf(rows),
	}
}

// TestEveryInterfaceIsKnown reads the interfaces that this Go version declares.
// A new one is a duty that the wrapper does not know of yet.
func TestEveryInterfaceIsKnown(t *testing.T) {
	known := []string{
		"Driver", "Connector", "Result", // nothing to forward beyond the methods every one has
		"ValueConverter", "Valuer", // of values, not of drivers
	}
	for _, c := range capabilities() {
		known = append(known, c.name)
	}
	for _, name := range interfacesOf(t, "database/sql/driver") {
		if !slices.Contains(known, name) {
			t.Errorf("database/sql/driver.%s is not in the table", name)
		}
	}
}

// interfacesOf returns the exported interfaces that a package declares.
func interfacesOf(t *testing.T, path string) []string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sources of %s: %v", path, err)
	}
	var names []string
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if ts, ok := n.(*ast.TypeSpec); ok && ts.Name.IsExported() {
				if _, ok := ts.Type.(*ast.InterfaceType); ok {
					names = append(names, ts.Name.Name)
				}
			}
			return true
		})
	}
	if !slices.Contains(names, "RowsNextResultSet") {
		t.Fatalf("the interfaces were not found: %q", names)
	}
	return names
}
