package onengines_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/table"
)

// swapped has the columns of its key in another order than the database.
type swapped struct {
	A int64 `db:"a,pk"`
	B int64 `db:"b,pk"`
	N int64 `db:"n"`
}

type swappedKey struct {
	A int64 `db:"a"`
	B int64 `db:"b"`
}

// byCode is told apart by a column that is not the primary key.
type byCode struct {
	ID   int64 `db:"id"`
	Code int64 `db:"code,pk"`
	N    int64 `db:"n"`
}

// TestKeysOfTables: rows are found by what the change log tells of them, whatever
// the order of the key's columns, and if what is tagged is another key than the
// log's.
func TestKeysOfTables(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e,
			"CREATE TABLE pairs (a BIGINT NOT NULL, b BIGINT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (b, a))",
			"CREATE TABLE coded (id BIGINT NOT NULL PRIMARY KEY, code BIGINT NOT NULL UNIQUE, n BIGINT NOT NULL)")
		r.exec(t, "INSERT INTO pairs VALUES (1, 2, 0), (2, 1, 0)", "INSERT INTO coded VALUES (1, 2, 0), (2, 1, 0), (3, 7, 0)")
		type untagged struct {
			A int64 `db:"a"`
			B int64 `db:"b"`
			N int64 `db:"n"`
		}
		pairs := live[swappedKey, swapped](t, r, "pairs")
		found := live[swappedKey, untagged](t, r, "pairs")
		coded := live[int64, byCode](t, r, "coded")
		r.exec(t, "UPDATE pairs SET n = 12 WHERE a = 1", "UPDATE coded SET n = 12 WHERE id = 1", "DELETE FROM coded WHERE id = 2", "UPDATE coded SET code = 8 WHERE id = 3")
		synchronize(t, pairs)
		synchronize(t, found)
		synchronize(t, coded)
		if got, want := maps.Collect(pairs.All()), (map[swappedKey]swapped{{1, 2}: {1, 2, 12}, {2, 1}: {2, 1, 0}}); !maps.Equal(got, want) {
			t.Errorf("the pairs are %v, want %v", got, want)
		}
		if got, _ := found.Get(swappedKey{1, 2}); got.N != 12 {
			t.Errorf("the pair without tags is %v", got)
		}
		if got, want := maps.Collect(coded.All()), (map[int64]byCode{2: {1, 2, 12}, 8: {3, 8, 0}}); !maps.Equal(got, want) {
			t.Errorf("by code: %v, want %v", got, want)
		}
	})
}

// TestKeyless: what cannot tell rows apart is refused, live or not, and says why.
func TestKeyless(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newRig(t, e,
			"CREATE TABLE bare (code BIGINT NOT NULL, n BIGINT NOT NULL)",
			"CREATE TABLE nullable (code BIGINT, n BIGINT NOT NULL, UNIQUE (code))",
			"CREATE TABLE keyed (id BIGINT NOT NULL PRIMARY KEY, code BIGINT NOT NULL, n BIGINT NOT NULL)",
			"CREATE TABLE uniquely (code BIGINT NOT NULL UNIQUE, n BIGINT NOT NULL)",
			"CREATE TABLE both_columns (code BIGINT NOT NULL, n BIGINT NOT NULL, UNIQUE (code, n))")
		r.exec(t, "CREATE VIEW twice AS SELECT code, n FROM uniquely UNION ALL SELECT code, n FROM uniquely", "CREATE VIEW once AS SELECT code, n FROM uniquely")
		r.exec(t, "INSERT INTO uniquely VALUES (7, 1)")
		if e.dialect.Flavor() != dialects.MySQL { // MySQL has none
			r.exec(t, "CREATE TABLE partial (code BIGINT NOT NULL, n BIGINT NOT NULL)", "CREATE UNIQUE INDEX partial_code ON partial (code) WHERE n > 0")
		}
		if err := r.db.Feed.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
		type plain struct {
			Code int64 `db:"code"`
			N    int64 `db:"n"`
		}
		type tagged struct {
			Code int64 `db:"code,pk"`
			N    int64 `db:"n"`
		}
		refused := func(name, why string, err error) {
			t.Helper()
			var noKey *table.NoKeyError
			if !errors.As(err, &noKey) || noKey.Table != name || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, why := range map[string]string{
			"bare": "no primary key", "nullable": "no unique key", "keyed": "(id)", "both_columns": "no unique key", "twice": "the same key", "partial": "no unique key",
		} {
			if name == "partial" && e.dialect.Flavor() == dialects.MySQL {
				continue
			}
			l, err := table.OpenTable[int64, tagged](soon(t), r.db, name)
			if err == nil {
				_ = l.Close()
			}
			refused(name, why, err)
			if name != "twice" { // which a plain set reads
				_, err = table.OpenPlain[int64, tagged](soon(t), r.db, name)
				refused(name, why, err)
			}
		}
		for _, name := range []string{"bare", "uniquely", "once"} {
			_, err := table.OpenTable[int64, plain](soon(t), r.db, name)
			why := "no primary key"
			if name == "once" {
				why = "a view"
			}
			refused(name, why, err)
		}
		for _, name := range []string{"uniquely", "once"} {
			l := live[int64, tagged](t, r, name)
			r.exec(t, fmt.Sprintf("UPDATE uniquely SET n = n + %d", 1))
			synchronize(t, l)
			if row, ok := l.Get(7); !ok || row.N < 2 {
				t.Errorf("%s shows %v, %v", name, row, ok)
			}
		}
	})
}

// TestKeyIsReplaced: a table that gets another primary key while it is live tells
// other keys from then on.
func TestKeyIsReplaced(t *testing.T) {
	t.Parallel()
	for _, e := range engines()[2:] { // SQLite cannot
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, e, "CREATE TABLE coded (id BIGINT NOT NULL, code BIGINT NOT NULL UNIQUE, n BIGINT NOT NULL, CONSTRAINT coded_pkey PRIMARY KEY (id))")
			r.exec(t, "INSERT INTO coded VALUES (1, 2, 0), (2, 1, 0)")
			type byID struct {
				ID   int64 `db:"id,pk"`
				Code int64 `db:"code"`
				N    int64 `db:"n"`
			}
			l := live[int64, byID](t, r, "coded")
			drop := "ALTER TABLE coded DROP PRIMARY KEY, ADD PRIMARY KEY (code), ADD UNIQUE (id)"
			if e.dialect.Flavor() == dialects.Postgres {
				drop = "ALTER TABLE coded DROP CONSTRAINT coded_pkey, ADD PRIMARY KEY (code), ADD UNIQUE (id)"
			}
			r.exec(t, drop)
			if _, err := e.dialect.Install(soon(t), r.other, listen.InstallOptions{Tables: []string{"coded"}}); err != nil {
				t.Fatal(err)
			}
			synchronize(t, l)
			for i := range 3 {
				r.exec(t, fmt.Sprintf("UPDATE coded SET n = %d WHERE id = 1", i+1))
				synchronize(t, l)
				if row, _ := l.Get(1); row.N != int64(i+1) {
					t.Errorf("row 1 is %v behind change %d", row, i+1)
				}
			}
		})
	}
}
