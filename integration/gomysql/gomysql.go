package gomysql

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	"github.com/dolthub/go-mysql-server/sql"
	"github.com/sirupsen/logrus"
)

// Database is the name of the database that Start makes.
const Database = "test"

// quiet keeps the server from logging every failed statement and connection.
var quiet = sync.OnceFunc(func() { logrus.SetLevel(logrus.FatalLevel) })

// Start starts a server with one empty database in memory and returns the data
// source name of that database for go-sql-driver. Tests may append parameters,
// as in Start(t)+"?parseTime=true". The server ends with the test.
func Start(tb testing.TB) (dsn string) {
	tb.Helper()
	quiet()
	db := memory.NewDatabase(Database)
	db.EnablePrimaryKeyIndexes()
	provider := memory.NewDBProvider(db)
	engine := sqle.NewDefault(provider)

	var lc net.ListenConfig
	l, err := lc.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("gomysql: %v", err)
	}
	s, err := server.NewServer(server.Config{Protocol: "tcp", Listener: l}, engine, sql.NewContext, memory.NewSessionBuilder(provider), nil)
	if err != nil {
		tb.Fatalf("gomysql: %v", errors.Join(err, l.Close()))
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Start() // it returns when the listener is closed, with no news
	}()
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("gomysql: %v", err)
		}
		<-served
		// The engine reports the context that it cancels itself.
		if err := engine.Close(); err != nil && !errors.Is(err, context.Canceled) {
			tb.Errorf("gomysql: %v", err)
		}
	})
	return "root@tcp(" + l.Addr().String() + ")/" + Database
}
