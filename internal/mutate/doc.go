// Package mutate builds the tests of a package with changed sources, so that a
// test can show that it notices when the code is wrong.
//
//	sources of the module ─ edits ─→ copies ─ go test -c -overlay ─→ program ─ one test ─→ it must fail
//
// The sources themselves stay as they are. Either each mutant is a build of its
// own ([Sources.Apply]), or all of them are in one build, each behind a switch
// that the environment turns on ([Sources.Switch]).
//
// The package is for tests only, and knows nothing of what it breaks.
package mutate
