// Package demo is the show of `livesql demo`: a series of scenes on one SQLite
// database, each of which does something through livesql, checks what it is
// about to claim, and prints the claim with what was measured.
//
//	open → reads → own writes → transactions → another process → uncached → counters → verdict
//	                                                                               └ watch, until ctx ends
//
// A scene never prints a claim as held that it has not checked against the
// plain driver on the same file. A claim that does not hold is printed as
// failed, the show goes on where it can, and Run returns a [*FailedError].
package demo
