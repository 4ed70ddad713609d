// Package operate is what the command line does to a database: it installs and
// removes the capture of changes, tells what is installed and what is wrong,
// and prints changes as they come.
//
//	flags → Target → dialect's listen.Capturer → words or JSON
//	               → livesql.Open → Feed.Follow → Watch
//
// It never touches rows of the program's tables, and never prints a data
// source name.
package operate
