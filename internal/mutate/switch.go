package mutate

import (
	"fmt"
	"path"
	"strings"
)

// env names the variant that is switched on.
const env = "LIVESQL_BROKEN"

// Variant is one way to break a program, and the test that must notice it.
type Variant struct {
	Name string
	// Package is that of Test, relative to the root of the module.
	Package, Test string
	// Args go to the program of the test.
	Args []string
	// Edits put the guards of the variant behind a switch: $ stands for whether
	// it is on. $slow does so, too, and takes a few milliseconds if it is, $long
	// some seconds: on a busy machine, anything may. Where two variants break one place, one edit may name the other
	// by broken("name"), and the other has none of its own.
	Edits []Edit
}

// Switch makes the edits of all variants. [Program.Run] turns one of them on.
func (s *Sources) Switch(variants []Variant) error {
	packages := map[string]bool{}
	for _, v := range variants {
		for _, e := range v.Edits {
			name := fmt.Sprintf("(%q)", v.Name)
			e.New = strings.NewReplacer("$slow", "brokenSlow"+name, "$long", "brokenLong"+name, "$", "broken"+name).Replace(e.New)
			if err := s.Apply(e); err != nil {
				return fmt.Errorf("variant %q: %w", v.Name, err)
			}
			packages[path.Dir(e.File)] = true
		}
	}
	for pkg := range packages {
		s.Set(path.Join(pkg, "broken_switch.go"), fmt.Sprintf(switches, path.Base(pkg), env))
	}
	return nil
}

// switches is the source of the switches, for a package and the variable of the
// environment.
const switches = `package %s

import (
	"os"
	"time"
)

func broken(name string) bool { return os.Getenv(%q) == name }

func brokenAfter(name string, d time.Duration) bool {
	if !broken(name) {
		return false
	}
	time.Sleep(d)
	return true
}

func brokenSlow(name string) bool { return brokenAfter(name, 5*time.Millisecond) }

func brokenLong(name string) bool { return brokenAfter(name, 3*time.Second) }

var _, _ = brokenSlow, brokenLong
`
