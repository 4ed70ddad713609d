package livesql_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/vantage-go/live/cache"
	_ "github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/livesql"
)

// The handle is a *sql.DB. Reads are answered from memory; writes of this
// program show at once, writes of others within milliseconds.
func ExampleOpen() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "livesql")
	check(err)
	defer os.RemoveAll(dir)

	// Livesql creates this database itself, so it installs its triggers
	// without being asked. In one that exists, livesql.AutoInstall() lets it.
	db, err := livesql.Open(ctx, "sqlite", filepath.Join(dir, "shop.db"))
	check(err)
	defer db.Close()

	_, err = db.ExecContext(ctx, "CREATE TABLE bakery(id INTEGER PRIMARY KEY, name TEXT, city TEXT)")
	check(err)
	_, err = db.ExecContext(ctx, "INSERT INTO bakery(name, city) VALUES ('Crust', 'Riga'), ('Crumb', 'Tartu')")
	check(err)

	var name string
	for range 1000 {
		check(db.QueryRowContext(ctx, "SELECT name FROM bakery WHERE id = ?", 1).Scan(&name))
	}
	fmt.Println(name)

	_, err = db.ExecContext(ctx, "UPDATE bakery SET name = ? WHERE id = ?", "Golden Crust", 1)
	check(err)
	check(db.QueryRowContext(ctx, "SELECT name FROM bakery WHERE id = ?", 1).Scan(&name))
	fmt.Println(name)

	// Output:
	// Crust
	// Golden Crust
}

// What is built on *sql.DB works on db.DB. Sqlx wants to know the placeholders
// of the database besides.
func ExampleOpen_sqlx() {
	ctx := context.Background()
	db, done := shop(ctx)
	defer done()

	type Bakery struct {
		ID   int64  `db:"id"`
		Name string `db:"name"`
		City string `db:"city"`
	}
	x := sqlx.NewDb(db.DB, "sqlite3")

	_, err := x.NamedExecContext(ctx, "INSERT INTO bakery(name, city) VALUES (:name, :city)",
		[]Bakery{{Name: "Rye", City: "Tartu"}, {Name: "Oven", City: "Vilnius"}})
	check(err)

	var one Bakery
	check(x.GetContext(ctx, &one, "SELECT * FROM bakery WHERE name = ?", "Rye"))
	fmt.Printf("%+v\n", one)

	query, args, err := sqlx.In("SELECT * FROM bakery WHERE city IN (?) ORDER BY name", []string{"Tartu", "Vilnius"})
	check(err)
	var some []Bakery
	check(x.SelectContext(ctx, &some, x.Rebind(query), args...))
	for _, b := range some {
		fmt.Println(b.Name, b.City)
	}

	// Output:
	// {ID:3 Name:Rye City:Tartu}
	// Crumb Tartu
	// Oven Vilnius
	// Rye Tartu
}

// A program that opens its database by the name of a driver changes the name.
// Options go into the DSN.
func Example_byName() {
	dir, err := os.MkdirTemp("", "livesql")
	check(err)
	defer os.RemoveAll(dir)

	db, err := sqlx.Connect("livesql-sqlite", filepath.Join(dir, "shop.db")+"?_pragma=journal_mode(WAL)&livesql_lease=5s")
	check(err)
	defer db.Close()

	db.MustExec("CREATE TABLE bakery(id INTEGER PRIMARY KEY, name TEXT)")
	_, err = db.NamedExec("INSERT INTO bakery(name) VALUES (:name)", map[string]any{"name": "Crust"})
	check(err)
	var names []string
	check(db.Select(&names, "SELECT name FROM bakery"))
	fmt.Println(names)

	// Output:
	// [Crust]
}

// From finds the handle of a *sql.DB that was opened by name.
func ExampleFrom() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "livesql")
	check(err)
	defer os.RemoveAll(dir)

	db, err := sql.Open("livesql-sqlite", filepath.Join(dir, "shop.db"))
	check(err)
	defer db.Close()

	live, err := livesql.From(ctx, db)
	check(err)
	check(live.Feed().WaitLive(ctx))
	fmt.Println(live.Feed().Status().State)

	plain, err := sql.Open("sqlite", filepath.Join(dir, "shop.db"))
	check(err)
	defer plain.Close()
	_, err = livesql.From(ctx, plain)
	fmt.Println(err)

	// Output:
	// live
	// livesql: the *sql.DB was not opened through livesql
}

// Explain tells of a statement whether it is cached, and if not, why.
func ExampleDB_Explain() {
	ctx := context.Background()
	db, done := shop(ctx)
	defer done()

	for _, query := range []string{
		"SELECT name FROM bakery WHERE city = 'Riga'",
		"SELECT name FROM bakery WHERE id IN (1, ?)",
		"SELECT name FROM bakery ORDER BY random() LIMIT 1",
	} {
		e, err := db.Explain(ctx, query)
		check(err)
		fmt.Println(query)
		fmt.Println("  ", e)
	}

	// Output:
	// SELECT name FROM bakery WHERE city = 'Riga'
	//    cached until a change of main.bakery
	// SELECT name FROM bakery WHERE id IN (1, ?)
	//    cached until a change of main.bakery (rows 1, $1)
	// SELECT name FROM bakery ORDER BY random() LIMIT 1
	//    not cached: the result of random() is not determined by its arguments
}

// The statistics tell how reads were answered.
func ExampleDB_CacheStats() {
	ctx := context.Background()
	db, done := shop(ctx)
	defer done()

	before := db.CacheStats()
	for range 10 {
		var n int
		check(db.QueryRowContext(ctx, "SELECT count(*) FROM bakery").Scan(&n))
	}
	stats := db.CacheStats()
	fmt.Println("from the database:", stats.Misses-before.Misses)
	fmt.Println("from memory:", stats.Hits-before.Hits)
	fmt.Println("results in memory:", stats.Entries)

	// Output:
	// from the database: 1
	// from memory: 9
	// results in memory: 1
}

// Whoever can do with an answer that was right a moment ago does not wait for the
// database after each change by others.
func ExampleStaleWhileRevalidate() {
	ctx := context.Background()
	db, done := shop(ctx)
	defer done()
	other := otherProgram(ctx, db)
	defer other.Close()

	const query = "SELECT count(*) FROM bakery"
	patient := livesql.WithConsistency(ctx, livesql.StaleWhileRevalidate(time.Minute))
	var n int
	check(db.QueryRowContext(patient, query).Scan(&n))
	fmt.Println(n, "bakeries")

	_, err := other.ExecContext(ctx, "INSERT INTO bakery(name, city) VALUES ('Knead', 'Riga')")
	check(err)
	check(db.Feed().Sync(ctx)) // the feed has told by now
	check(db.QueryRowContext(patient, query).Scan(&n))
	fmt.Println(n, "bakeries, at once")
	for n == 2 {
		check(db.QueryRowContext(patient, query).Scan(&n))
	}
	fmt.Println(n, "bakeries, a moment later, without anybody having waited")

	// What this program has written itself is never missing.
	_, err = db.ExecContext(ctx, "DELETE FROM bakery WHERE city = 'Riga'")
	check(err)
	check(db.QueryRowContext(patient, query).Scan(&n))
	fmt.Println(n, "bakery")

	// Output:
	// 2 bakeries
	// 2 bakeries, at once
	// 3 bakeries, a moment later, without anybody having waited
	// 1 bakery
}

// No answer from memory is older than its time to live, whether anything has
// changed or not.
func ExampleTTL() {
	ctx := context.Background()
	db, err := livesql.Open(ctx, "sqlite", "file:example?mode=memory", livesql.TTL(5*time.Minute),
		livesql.DefaultConsistency(livesql.StaleWhileRevalidate(2*time.Second)))
	check(err)
	defer db.Close()

	e, err := db.Explain(ctx, "SELECT 1")
	check(err)
	fmt.Println(e.TTL, e.StaleFor)

	// Output:
	// 5m0s 2s
}

// otherProgram opens the file of a shop without livesql.
func otherProgram(ctx context.Context, db *livesql.DB) *sql.DB {
	var seq int
	var name, file string
	check(db.QueryRowContext(ctx, "PRAGMA database_list").Scan(&seq, &name, &file))
	other, err := sql.Open("sqlite", file)
	check(err)
	return other
}

// A single read that must ask the database says so.
func ExampleNoCache() {
	ctx := context.Background()
	db, done := shop(ctx)
	defer done()

	var n int
	const query = "SELECT count(*) FROM bakery"
	check(db.QueryRowContext(ctx, query).Scan(&n))
	check(db.QueryRowContext(livesql.NoCache(ctx), query).Scan(&n))
	stats := db.CacheStats()
	fmt.Println(n, "bakeries;", stats.Hits, "reads from memory,", stats.Bypassed[cache.OptedOut], "opted out")

	// Output:
	// 2 bakeries; 0 reads from memory, 1 opted out
}

// Raw reaches the connection of the inner driver, for what only that driver
// can do: here, to write down a whole SQLite database.
func ExampleRaw() {
	ctx := context.Background()
	db, done := shop(ctx)
	defer done()

	conn, err := db.Conn(ctx)
	check(err)
	defer conn.Close()
	err = livesql.Raw(ctx, conn, func(inner sqldriver.Conn) error {
		image, err := inner.(interface{ Serialize() ([]byte, error) }).Serialize()
		if err != nil {
			return err
		}
		fmt.Printf("%s\n", image[:15])
		return nil
	})
	check(err)

	// Output:
	// SQLite format 3
}

// shop opens a database with a few bakeries, and returns when reads of them
// are answered from memory.
func shop(ctx context.Context) (db *livesql.DB, done func()) {
	dir, err := os.MkdirTemp("", "livesql")
	check(err)
	db, err = livesql.Open(ctx, "sqlite", filepath.Join(dir, "shop.db"), livesql.Lease(time.Minute), livesql.FeedDeadline(time.Minute))
	check(err)
	_, err = db.ExecContext(ctx, `
		CREATE TABLE bakery(id INTEGER PRIMARY KEY, name TEXT, city TEXT);
		INSERT INTO bakery(name, city) VALUES ('Crust', 'Riga'), ('Crumb', 'Tartu');`)
	check(err)
	for {
		e, err := db.Explain(ctx, "SELECT * FROM bakery")
		check(err)
		if e.Cached {
			break
		}
		check(db.Feed().Sync(ctx))
	}
	return db, func() {
		check(db.Close())
		check(os.RemoveAll(dir))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
