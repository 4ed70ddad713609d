// Package integration is the root of a module of its own for tests whose
// dependencies are too heavy for the module that users import: what is required
// here never reaches a user's go.sum.
package integration
