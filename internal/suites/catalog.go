//go:build unix

package suites

import "time"

const pqModule = "github.com/lib/pq@v1.12.3"

// The versions are those of go.mod.
var (
	databaseSQL = Suite{
		Name:     "database/sql",
		Packages: []string{"."},
		ByDesign: []ByDesign{{
			Test: "TestTxContextWaitNoDiscard",
			Sub:  "basic",
			Why:  "sets an unexported field of database/sql to what it never is for the connection of that test, one that can neither be reset nor validated; the wrapper discards it, as database/sql itself would",
		}},
		Extra:   []string{"control"},
		AtLeast: 143,
		Timeout: 2 * time.Minute,
	}

	sqlmock = Suite{
		Name:     "sqlmock",
		Module:   "github.com/DATA-DOG/go-sqlmock@v1.5.2",
		Packages: []string{"."},
		AtLeast:  134,
		Timeout:  2 * time.Minute,
	}

	sqlx = Suite{
		Name:     "sqlx",
		Module:   "github.com/jmoiron/sqlx@v1.4.0",
		Packages: []string{".", "reflectx", "types"},
		Edits: []Edit{{
			File: "sqlx_test.go",
			Old:  "func init() {\n\tConnectAll()\n}\n",
			New:  "",
			Why:  "it would connect before the hooks are set",
		}},
		After:   "github.com/jmoiron/sqlx#ConnectAll",
		Setup:   setupSQLX,
		Extra:   []string{"cached"},
		More:    []string{Live, Cache, CacheEvict},
		AtLeast: 80,
		Timeout: 5 * time.Minute,
	}

	sqlite = Suite{
		Name:     "sqlite",
		Module:   "modernc.org/sqlite@v1.61.1",
		Packages: []string{"."},
		Skips: []Skip{
			{"TestConcurrentGoroutines|TestConcurrentProcesses|TestTcl|TestVendorStamp|MatchSQLite", "builds further programs out of the whole module, or compares with C sources that the module does not carry"},
			{"TestRegisteredFunctions|TestIssue51", "minutes of the same few calls"},
		},
		ByDesign: []ByDesign{
			{Test: "TestAuthorizerRegisterConnectionHookPool", Lazy: true, Why: "counts connections that were only reserved; a shell is dialled by the first statement"},
			{Test: "TestConnectorWrapping", Lazy: true, Why: "counts connections that were only reserved; a shell is dialled by the first statement"},
			{Test: "TestDSNPragmas", Sub: "Test__pragma", Cached: true, Why: "expects a busy timeout of 0; livesql.Open gives connections one"},
			{Test: "TestDSNPragmas", Sub: "Test__busy_timeout_|__timeout", Cached: true, Why: "expects a busy timeout of 0; livesql.Open gives connections one"},
			{Test: "TestFcntlPersistWAL", Sub: "WAL_is_not_cleaned_up_with_persist_WAL", Cached: true, Why: "keeps the WAL of the last connection that is closed, which is one of livesql's own"},
			{Test: "TestSEHInjectedFault", Cached: true, Why: "injects faults into the whole process, of which livesql's own connections take some"},
			{Test: "TestOFDLockFailedFirstLock", Cached: true, Why: "sets a lock by hand that no reader may be in the way of; livesql reads too"},
			{Test: "TestSEHTruncatedShm", Cached: true, Why: "truncates the shared memory by hand and expects the next read to fail; that of a connection of livesql's own may be the next one, and restores it, or the answer comes from memory"},
			{Test: "TestDefensiveModeBlocksDangerousOperations", Cached: true, Why: "compares schema_version, which installing the triggers raises"},
			{Test: "TestDefensiveDSNForms", Sub: "file_uri", Cached: true, Why: "compares schema_version, which installing the triggers raises"},
			{Test: "TestDefensiveDSNForms", Sub: "path", Cached: true, Why: "compares schema_version, which installing the triggers raises"},
		},
		Extra:   []string{"cached"},
		More:    []string{Live, Cache, CacheEvict},
		AtLeast: 390,
		Timeout: 10 * time.Minute,
	}

	pgx = Suite{
		Name:     "pgx",
		Module:   "github.com/jackc/pgx/v5@v5.12.0",
		Packages: []string{"stdlib"},
		ByDesign: []ByDesign{{
			Test:   "stdlib.TestOptionBeforeAfterConnect",
			Cached: true,
			Why:    "counts what its hooks are called for, which the connections of livesql's own are, too",
		}, {
			Test:   "stdlib.TestRegisterConnConfig",
			Cached: true,
			Why:    "compares the statement that was logged with its own, in front of which the modes with the cache on put a table",
		}},
		Setup:   setupPGX,
		Extra:   []string{"cached"},
		More:    []string{Live, Cache, CacheEvict},
		AtLeast: 195,
		Timeout: 10 * time.Minute,
	}

	mysql = Suite{
		Name:     "mysql",
		Module:   "github.com/go-sql-driver/mysql@v1.10.1",
		Packages: []string{"."},
		Skips: []Skip{
			{"^TestConnectorReturnsTimeout$", "dials an address on the internet and crashes where something answers"},
		},
		ByDesign: []ByDesign{{
			Test: "TestConnectorTimeoutsWatchCancel",
			Lazy: true,
			Why:  "waits for (*sql.DB).Conn to dial; a shell is dialled by the first statement",
		}},
		Setup:   setupMySQL,
		Extra:   []string{"cached"},
		More:    []string{Live, Cache, CacheEvict},
		AtLeast: 415,
		Timeout: 10 * time.Minute,
	}

	pq = Suite{
		Name:     "pq",
		Module:   pqModule,
		Packages: []string{".", "hstore"},
		Edits: []Edit{{
			File: "notify_test.go",
			Old:  "time.After(100 * time.Millisecond)",
			New:  "time.After(5 * time.Second)",
			All:  true,
			Why:  "on a slow machine the wait ends early and the panic that follows ends the whole run",
		}, {
			File: "notify_test.go",
			Old:  "panic(\"expected sent=false\")",
			New:  "t.Error(\"expected sent=false\")",
			Why:  "on a busy machine the query may be through before the connection is closed; that would end the whole run",
		}, {
			File: "notify_test.go",
			Old:  "panic(\"expected error\")",
			New:  "t.Error(\"expected error\")",
			Why:  "the same",
		}, {
			File: "conn_test.go",
			Old:  "panic(fmt.Sprintf(\"unexpected query: %q\", q))",
			New:  "fmt.Printf(\"unexpected query: %q\\n\", q); cn.Close(); return",
			Why:  "livesql asks whatever server it finds who it is; this one would end the whole run",
		}, {
			File: "internal/pqtest/fake.go",
			Old:  "_, msg, ok := f.read(cn, true)\n",
			New:  "_, msg, ok := f.read(cn, true)\n\tif !ok || len(msg) >= 4 && binary.BigEndian.Uint32(msg) == 80877102 {\n\t\treturn 0, nil, false\n\t}\n",
			Why:  "a client that is closed before it has said anything, or asks for a statement to be cancelled, as livesql's feed may, panics this server, which ends the whole run",
		}, {
			File: "encode_test.go",
			Old:  "\t\tEnableInfinityTs(infNeg, infPos)\n",
			New:  "\t\tEnableInfinityTs(infNeg, infPos)\n\t\tdb := pqtest.MustDB(t)\n",
			Why:  "it changes for the whole process what values the driver makes, and asks again what a cache has kept from before",
		}, {
			File: "ssl_test.go",
			Old:  "\t\t\tdb, err := pqtest.DB(t, tt.connect)\n\t\t\tif !pqtest.ErrorContains(err, tt.wantErr) {\n\t\t\t\tt.Fatalf(\"wrong error\\nwant: %s\\nhave: %s\", tt.wantErr, err)\n\t\t\t}\n\t\t\tif err == nil {\n",
			New:  "\t\t\tdb, err := pqtest.DB(t, tt.connect)\n\t\t\tfor n := 0; n < 20 && pqtest.ErrorContains(err, \"or:connection reset by peer|broken pipe\"); n++ {\n\t\t\t\tdb, err = pqtest.DB(t, tt.connect)\n\t\t\t}\n\t\t\tif !pqtest.ErrorContains(err, tt.wantErr) {\n\t\t\t\tt.Fatalf(\"wrong error\\nwant: %s\\nhave: %s\", tt.wantErr, err)\n\t\t\t}\n\t\t\tif err == nil {\n",
			Why:  "with TLS 1.3 a server refuses a certificate when the client believes itself connected: where it is quicker than the client's next message, that fails, and nobody reads why",
		}},
		ByDesign: []ByDesign{{
			Test:   "TestConnectMulti",
			Sub:    "load_balance_hosts=random",
			Cached: true,
			Why:    "asks for one of three servers at random, once; livesql's own connection asks, too",
		}},
		Skips: []Skip{
			{"^Example_openConfig$", "connects to port 5432, whoever answers there, and ends the process if nobody does"},
		},
		Setup:   setupPQ,
		Extra:   []string{"cached"},
		More:    []string{Live, Cache, CacheEvict},
		AtLeast: 855,
		Timeout: 10 * time.Minute,
	}
)
