//go:build unix

package suites

import (
	"maps"
	"strings"
	"testing"

	"github.com/vantage-go/live/internal/suites/inject"
)

func newRun() *Run {
	return &Run{Tests: map[string]Status{}, output: map[string]string{}, ends: map[string]error{}}
}

func TestDecode(t *testing.T) {
	const ran = `{"Action":"run","Test":"TestA"}
{"Action":"output","Test":"TestA","Output":"hello\n"}
{"Action":"pass","Test":"TestA","Elapsed":0.1}
{"Action":"run","Test":"TestB"}
`
	for _, tt := range []struct {
		name, pkg, output string
		want              map[string]Status
	}{
		{
			"passes", ".", ran + `{"Action":"skip","Test":"TestB"}` + "\n" + `{"Action":"pass"}`,
			map[string]Status{"TestA": Passed, "TestB": Skipped, processEnd: Passed},
		},
		{
			"fails", "sub/dir", ran + `{"Action":"fail","Test":"TestB"}` + "\n" + `{"Action":"fail"}`,
			map[string]Status{"sub/dir.TestA": Passed, "sub/dir.TestB": Failed, "sub/dir." + processEnd: Passed},
		},
		{
			"ends during a test", ".", ran + `{"Action":"output","Output":"panic: no\n"}` + "\n" + `{"Action":"fail"}`,
			map[string]Status{"TestA": Passed, "TestB": Crashed, processEnd: Failed},
		},
		{
			"ends during a test that does not finish, after a failed one", ".",
			`{"Action":"run","Test":"TestC"}` + "\n" + `{"Action":"fail","Test":"TestC"}` + "\n" + ran + `{"Action":"fail"}`,
			map[string]Status{"TestA": Passed, "TestB": Crashed, "TestC": Failed, processEnd: Crashed},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := newRun()
			if err := run.decode(tt.pkg, strings.NewReader(tt.output)); err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(run.Tests, tt.want) {
				t.Errorf("tests = %v, want %v", run.Tests, tt.want)
			}
			if n := run.Count(Passed); n != 1 {
				t.Errorf("%d tests passed, want 1: the end of the process is no test", n)
			}
		})
	}
	if err := newRun().decode(".", strings.NewReader("no JSON\n")); err == nil {
		t.Error("output that is not of test2json was accepted")
	}
}

func TestProven(t *testing.T) {
	for _, tt := range []struct {
		mode  string
		proof inject.Proof
		ok    bool
	}{
		{Raw, inject.Proof{}, true},
		{Raw, inject.Proof{Conns: 1}, false},
		{Pass, inject.Proof{}, false},
		{Pass, inject.Proof{Conns: 1}, true},
		{Observed, inject.Proof{Conns: 1}, false},
		{Observed, inject.Proof{Conns: 1, Statements: 1, Rows: 1}, true},
		{Cache, inject.Proof{Conns: 1}, false},
		{Cache, inject.Proof{Conns: 1, Stores: 1}, false},
		{Cache, inject.Proof{Conns: 1, Stores: 1, Hits: 1}, false},
		{Cache, inject.Proof{Conns: 1, Stores: 1, Hits: 1, Compared: 1}, true},
		{Cache, inject.Proof{Conns: 1, Stores: 1, Hits: 1, Broken: []string{"x"}}, true}, // told elsewhere
		{CacheEvict, inject.Proof{Conns: 1, Stores: 1, Hits: 1}, false},
		{CacheEvict, inject.Proof{Conns: 1, Stores: 1}, true},
	} {
		run := &Run{Mode: tt.mode, Proof: tt.proof}
		if err := run.proven(); (err == nil) != tt.ok {
			t.Errorf("mode %s with %+v: %v", tt.mode, tt.proof, err)
		}
	}
}
