package testdb_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := m.Run()
	// The examples have no end of their own.
	t.finish()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	for _, complaint := range t.complaints {
		fmt.Fprintln(os.Stderr, complaint)
		code = 1
	}
	os.Exit(code)
}
