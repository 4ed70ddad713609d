// Package pitfalls holds one test for each way in which caches of query results
// are known to go wrong: from the bug trackers of fourteen caches, proxies and
// ORMs, numbered as they were found.
//
//	another program (plain driver) ─→ private server ←─ feed ─→ cache ←─ reads through the handle,
//	                                                                     each a hit or not, as it has to be
//
// The table says of each pitfall and engine which it is: tested here, proven by
// another test, or not there, and why. docs/pitfalls.md is that table. What
// livesql still gets wrong stays in it as OPEN, with its test, which has to fail.
//
// A test that nothing could fail proves nothing. So each shows that the read in
// question is answered from memory where that is harmless, and the racy ones
// must fail when the guard that they are about is taken out.
//
// The package holds tests and nothing that programs use.
package pitfalls
