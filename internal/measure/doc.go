// Package measure measures what the change feeds cost the programs that write,
// on real servers that flush to disk.
//
//	LIVESQL_LONG=1 go test -run Cost -v ./internal/measure
//
// Two tables of one shape stand in one database, one captured and one not.
// Clients write to one and then to the other, many times in turn, and the
// figure is the median of the ratios of neighbouring runs: a noisy machine
// slows both. Without LIVESQL_LONG the runs are short and prove only that
// they work.
//
// The package holds a test and nothing that programs use.
package measure
