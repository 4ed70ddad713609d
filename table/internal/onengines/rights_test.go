package onengines_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/vantage-go/live/table"
)

// part is what a role may see of a thing.
type part struct {
	ID int64  `db:"id,pk"`
	N  *int64 `db:"n"`
}

// named is a thing without its key.
type named struct {
	N    int64  `db:"n"`
	Name string `db:"name,pk"`
}

// hidden is what a role is no longer shown.
type hidden struct {
	ID     int64  `db:"id,pk"`
	Secret string `db:"secret"`
}

// TestRightsOnColumns: a role that may read some columns only watches queries on
// these, whether they have the key or not.
func TestRightsOnColumns(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		if e.name != "postgres" {
			continue
		}
		r := newRig(t, e, "CREATE TABLE thing (id BIGINT NOT NULL PRIMARY KEY, n BIGINT, name VARCHAR(20), secret VARCHAR(20))")
		r.exec(t, "INSERT INTO thing VALUES (1, 1, 'a', 's'), (2, 2, 'b', 's')")
		db := r.as(t, "id, n, name")
		one := watchAs[part](t, db, "SELECT id, n FROM thing WHERE n = 1 ORDER BY id")
		all := watchAs[part](t, db, "SELECT id, n FROM thing ORDER BY id LIMIT 2")
		other := watchAs[named](t, db, "SELECT n, name FROM thing WHERE n = 1 ORDER BY name")
		for i, s := range []string{
			"UPDATE thing SET n = 1 WHERE id = 2", "UPDATE thing SET secret = 't'", "INSERT INTO thing VALUES (0, 1, 'c', 's')", "DELETE FROM thing WHERE id = 1",
		} {
			r.exec(t, s)
			for what, q := range map[string]interface {
				Sync(ctx context.Context) error
				State() (table.State, error)
				Len() int
			}{"one": one, "all": all, "other": other} {
				if err := q.Sync(soon(t)); err != nil {
					t.Fatalf("%s: %s: %v", s, what, err)
				}
				if state, err := q.State(); state != table.Live {
					t.Errorf("%s: %s is %v: %v", s, what, state, err)
				}
			}
			if want := []int{2, 2, 3, 2}[i]; one.Len() != want || all.Len() != 2 || other.Len() != want {
				t.Errorf("%s: %d, %d and %d rows, want %d, 2 and %d", s, one.Len(), all.Len(), other.Len(), want, want)
			}
		}
		// Once a column is refused that one query looks at, the others go on.
		more := r.as(t, "id, n, name, secret")
		open := watchAs[part](t, more, "SELECT id, n FROM thing WHERE n = 1 ORDER BY id")
		_ = watchAs[hidden](t, more, "SELECT id, secret FROM thing WHERE secret >= 'a' ORDER BY id")
		r.exec(t, "REVOKE SELECT (secret) ON thing FROM "+more.role)
		for n := range 3 {
			r.exec(t, fmt.Sprintf("UPDATE thing SET n = %d WHERE id = 2", n))
			if err := open.Sync(soon(t)); err != nil {
				t.Fatal(err)
			}
			if state, err := open.State(); open.Len() != 1+n%2 || state != table.Live {
				t.Errorf("beside a query that is refused: %d rows, %v: %v", open.Len(), state, err)
			}
		}
		r.exec(t, "UPDATE thing SET n = 1 WHERE id = 2")
		// Once the key of the queries by key is refused, those without go on.
		r.exec(t, "REVOKE SELECT (id) ON thing FROM "+db.role, "UPDATE thing SET n = 5 WHERE id = 0")
		if err := other.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		if state, err := other.State(); other.Len() != 1 || state != table.Live {
			t.Errorf("after a REVOKE: %d rows, %v: %v", other.Len(), state, err)
		}
	}
}

// limited is a database as a role sees it.
type limited struct {
	*table.Database
	role string
}

// as returns the database of a role that may read these columns of the things.
func (r *rig) as(t *testing.T, columns string) limited {
	t.Helper()
	role := fmt.Sprintf("%s_%d", t.Name(), len(columns))
	role = strings.ToLower(role)
	r.exec(t, "CREATE ROLE "+role, "GRANT USAGE ON SCHEMA public TO "+role, fmt.Sprintf("GRANT SELECT (%s) ON thing TO %s", columns, role))
	t.Cleanup(func() { r.exec(t, "DROP OWNED BY "+role, "DROP ROLE "+role) })
	separator := "?"
	if strings.Contains(r.dsn, "?") {
		separator = "&"
	}
	connector, err := r.dialect.Connector(r.dsn + separator + "role=" + role)
	if err != nil {
		t.Fatal(err)
	}
	pool := sql.OpenDB(connector)
	t.Cleanup(func() { _ = pool.Close() })
	return limited{&table.Database{DB: pool, Feed: r.db.Feed, Analyzer: r.db.Analyzer, Flavor: r.db.Flavor}, role}
}

func watchAs[T any](t *testing.T, db limited, text string) *table.LiveQuery[T] {
	t.Helper()
	q, err := table.Watch[T](soon(t), db.Database, table.Query{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}
