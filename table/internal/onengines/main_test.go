package onengines_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if engine := os.Getenv(writerEnv); engine != "" {
		os.Exit(writerMain(engine))
	}
	goleak.VerifyTestMain(m)
}

// The environment of a writer process: the name of its engine, the database and
// its number. It writes until its input ends, and prints how many transactions
// it has committed.
const (
	writerEnv = "LIVESQL_TABLE_WRITER"
	dsnEnv    = "LIVESQL_TABLE_DSN"
	numberEnv = "LIVESQL_TABLE_NUMBER"
)

// writerMain is a writer process.
func writerMain(name string) int {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var number int
	if _, err := fmt.Sscan(os.Getenv(numberEnv), &number); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, e := range engines() {
		if e.name != name {
			continue
		}
		connector, err := e.dialect.Connector(os.Getenv(dsnEnv))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		pool := sql.OpenDB(connector)
		defer pool.Close()
		var wrote atomic.Int64
		(&rig{engine: e, other: pool}).write(ctx, number, &wrote)
		fmt.Println(wrote.Load())
		return 0
	}
	fmt.Fprintln(os.Stderr, "no engine", name)
	return 1
}
