// Package mutate builds the tests of a package with changed sources, so that a
// test can show that it notices when the code is wrong.
//
//	sources of the module ─ edits ─→ copies ─ go test -c -overlay ─→ program ─ one test ─→ it must fail
//
// The sources themselves stay as they are. Either each mutant is a build of its
// own ([Sources.Apply]), or all of them are in one build, each behind a switch
// that the environment turns on ([Sources.Switch]).
//
// # Turns
//
// All variants of the module take a quarter of an hour, so each run of the tests
// tries a fifth of them ([Turn]): the hour decides which, five runs that are an
// hour, a day or a week apart try all of them, and the log (go test -v) says what
// was left out. The environment decides otherwise:
//
//	LIVESQL_MUTANTS=all  all variants; make mutants does that for all packages
//	LIVESQL_MUTANTS=3    those of the third turn, again
//
// Where all are in one build, what each of them changes is looked for in the
// sources on every run, whoever's turn it is.
//
// The package is for tests only, and knows nothing of what it breaks.
package mutate
