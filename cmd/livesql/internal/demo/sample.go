package demo

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/vantage-go/live/livesql"
)

const sampleTable = "album"

func loadSample(ctx context.Context, db *sql.DB) error {
	for _, st := range []string{
		"CREATE TABLE artist(artist_id INTEGER PRIMARY KEY, name TEXT)",
		"CREATE TABLE album(album_id INTEGER PRIMARY KEY, title TEXT NOT NULL, artist_id INTEGER NOT NULL REFERENCES artist(artist_id))",
		"CREATE TABLE track(track_id INTEGER PRIMARY KEY, name TEXT, album_id INTEGER REFERENCES album(album_id), milliseconds INTEGER)",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 275) INSERT INTO artist SELECT i, 'artist ' || i FROM n",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 347) INSERT INTO album SELECT i, 'album ' || i, 1 + i % 275 FROM n",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 3503) INSERT INTO track SELECT i, 'track ' || i, 1 + i % 347, i * 100 FROM n",
		"CREATE VIEW album_list AS SELECT album_id, title, name FROM album JOIN artist USING (artist_id)",
	} {
		if _, err := db.ExecContext(ctx, st); err != nil {
			return err
		}
	}
	return nil
}

// sampleQuery is a query that is measured. Touch is a write that makes its
// result unknown without changing it.
type sampleQuery struct {
	title, text string
	args        []any
	columns     int
	touch       string
}

var sampleQueries = []sampleQuery{
	{
		title: "one album by its key", columns: 2,
		text:  "SELECT title, artist_id FROM album WHERE album_id = ?",
		args:  []any{23},
		touch: "UPDATE album SET title = title WHERE album_id = 23",
	},
	{
		title: "tracks of an album, three tables", columns: 3,
		text:  "SELECT r.name, t.name, t.milliseconds FROM track t JOIN album a USING (album_id) JOIN artist r USING (artist_id) WHERE a.album_id = ? ORDER BY t.track_id",
		args:  []any{23},
		touch: "UPDATE track SET name = name WHERE track_id = 1",
	},
	{
		title: "longest artists, an aggregate", columns: 3,
		text:  "SELECT r.name, count(*), sum(t.milliseconds) FROM track t JOIN album a USING (album_id) JOIN artist r USING (artist_id) GROUP BY r.artist_id ORDER BY 3 DESC LIMIT 10",
		touch: "UPDATE artist SET name = name WHERE artist_id = 1",
	},
}

// sampleRead and sampleUpdate read and write one value, here and in the other
// process.
const (
	sampleRead   = "SELECT title FROM album WHERE album_id = 1"
	sampleUpdate = "UPDATE album SET title = ? WHERE album_id = 1"
)

// sampleWrite is a way of writing, with a query that shows it.
type sampleWrite struct {
	title, read string
	// anyValue: what is read is not the value written, only different.
	anyValue bool
	write    func(ctx context.Context, db *livesql.DB, value string) error
}

var sampleWrites = []sampleWrite{
	{"UPDATE", sampleRead, false, func(ctx context.Context, db *livesql.DB, value string) error {
		_, err := db.ExecContext(ctx, sampleUpdate, value)
		return err
	}},
	{"UPDATE in a transaction", sampleRead, false, func(ctx context.Context, db *livesql.DB, value string) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, sampleUpdate, value); err != nil {
			return err
		}
		return tx.Commit()
	}},
	{"UPDATE … RETURNING, read through a view", "SELECT title FROM album_list WHERE album_id = 1", false, func(ctx context.Context, db *livesql.DB, value string) error {
		var id int64
		return db.QueryRowContext(ctx, sampleUpdate+" RETURNING album_id", value).Scan(&id)
	}},
	{"INSERT and DELETE, read with count(*)", "SELECT count(*) FROM album", true, func(ctx context.Context, db *livesql.DB, value string) error {
		res, err := db.ExecContext(ctx, "DELETE FROM album WHERE album_id = -1")
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		_, err = db.ExecContext(ctx, "INSERT INTO album(album_id, title, artist_id) VALUES (-1, ?, 1)", value)
		return err
	}},
}

// sampleStatement is a statement to explain.
type sampleStatement struct {
	text           string
	cached, writes bool
}

var sampleStatements = []sampleStatement{
	{text: "SELECT title FROM album WHERE album_id = 1", cached: true},
	{text: "SELECT name, title FROM album_list", cached: true},
	{text: "WITH a AS (SELECT * FROM album) SELECT count(*) FROM a", cached: true},
	{text: "SELECT upper(name) FROM artist ORDER BY name LIMIT 3", cached: true},
	{text: "SELECT title FROM album ORDER BY random() LIMIT 1"},
	{text: "SELECT datetime('now')"},
	{text: "SELECT total_changes()"},
	{text: "SELECT name FROM sqlite_schema"},
	{text: "PRAGMA table_info(album)"},
	{text: "EXPLAIN QUERY PLAN SELECT * FROM album"},
	{text: "UPDATE album SET title = 'x' WHERE album_id = 1", writes: true},
	{text: "CREATE INDEX i ON album(title)", writes: true},
}

var _ = fmt.Sprint

var sampleWatched = []string{sampleRead, "SELECT count(*) FROM album", "SELECT max(milliseconds) FROM track"}
