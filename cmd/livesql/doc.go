// Command livesql shows what livesql does, on a database of its own:
//
//	go run ./cmd/livesql demo          # the show, then a live view until Ctrl-C
//	go run ./cmd/livesql demo --once   # the show alone; exit 1 if a claim does not hold
//
// Each command is a file of this package: a struct whose fields are its flags
// and whose Run method does the work, listed in commands. What a command needs
// beyond its flags is in internal packages.
package main
