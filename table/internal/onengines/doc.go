// Package onengines holds the tests of package table on real databases. They are
// apart from those in memory, which are many and build quickly.
package onengines
