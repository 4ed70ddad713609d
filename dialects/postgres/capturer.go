package postgres

import (
	"context"
	"database/sql"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/dialects/postgres/internal/feed"
	"github.com/vantage-go/live/listen"
)

var _ listen.Capturer = Dialect{}

// Install creates the log, in a schema of its own called livesql, and the
// triggers of the chosen tables, with those of all tables that share rows with
// them: partitions, partitioned tables, inheritance. It needs no superuser,
// but CREATE on the database and membership in the roles that own the tables.
// Tables of others are left out and make the error a [*listen.TableError],
// which may be joined with others; those that belong to extensions are left
// out unless they are named. Writers need no rights on the log. What readers
// need, Diagnose tells.
//
// A database whose log has a newer layout, a standby or a server older than 14
// is a [*listen.NoLogError].
func (Dialect) Install(ctx context.Context, db *sql.DB, options listen.InstallOptions) ([]dialects.Table, error) {
	return feed.Install(ctx, db, options)
}

// Uninstall removes the triggers of the chosen tables and of those below them,
// or everything that Install created. Objects of others in the schema livesql
// make it fail.
func (Dialect) Uninstall(ctx context.Context, db *sql.DB, options listen.UninstallOptions) error {
	return feed.Uninstall(ctx, db, options)
}

// Coverage tells what is installed, and how every table is covered. It needs
// the rights of a reader.
func (Dialect) Coverage(ctx context.Context, db *sql.DB) (*listen.Coverage, error) {
	return feed.Coverage(ctx, db)
}

// Diagnose looks at everything that the feed depends on, as far as the role
// may.
func (Dialect) Diagnose(ctx context.Context, db *sql.DB) ([]listen.Finding, error) {
	return feed.Diagnose(ctx, db)
}
