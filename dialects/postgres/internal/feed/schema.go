package feed

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// querier is the part of *sql.DB, *sql.Conn and *sql.Tx that reads need.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// schema is what a database holds, in one snapshot. It never changes after it
// was loaded.
type schema struct {
	// installed reports that the change log is there. forbidden says what the
	// role that asked may not do with it, or is empty.
	installed bool
	forbidden string
	// strange says what shows that the schema is not livesql's, or is empty.
	// Nothing in it is touched then.
	strange string
	// version is the layout of the log; bell and later are as Install left
	// them. All are zero unless installed and not forbidden.
	version int
	bell    listen.Bell
	later   bool
	// revision is the highest codeRevision of those that have installed.
	revision int

	relations []*relation // in order of their names
	byOID     map[uint32]*relation
	// logOwner is the role that the log belongs to, empty without one.
	logOwner string
	// member: the role that asked may act as logOwner.
	member bool
	// hidden: the log has row-level security or rules, so that rows may be
	// missing.
	hidden bool
	// captures are the functions of livesql, by name.
	captures map[string]storedFunction
	// code is what runs besides what statements say, and verdicts what that
	// makes of them.
	code     *code
	verdicts verdicts
	ofDay    bool // some table has a column that holds times of day
	// names are those of the relations.
	names map[string]bool
	// system are the names of the relations of pg_catalog.
	system []string
	// rest sums up everything else that meaning depends on, by its kind.
	rest map[string]string
}

// noSchema is that of a database of which nothing is known yet.
func noSchema() *schema {
	s := &schema{code: newCode()}
	s.judgeCode()
	return s
}

// relation is one table, view, materialized view, foreign table or sequence.
type relation struct {
	oid   uint32
	table dialects.Table
	kind  relationKind
	// filenode is where the rows are. It moves when they are replaced without
	// a trigger being told, as by REFRESH, and also when they are rewritten.
	filenode uint32
	// unlogged: the table is empty after a crash.
	unlogged bool
	// secured: row-level security shows each role other rows.
	secured bool
	// definition sums up columns, rights and everything else of the relation.
	definition string
	// view is the text of a view.
	view string
	// rules: writes are rewritten in ways that are not looked into.
	rules bool
	// ofDay: it has a column that holds times of day.
	ofDay bool
	// owner is its role; mine tells whether the role that asked may act as it.
	owner string
	mine  bool
	// extension is the one that it belongs to, or empty.
	extension string
	// subscription is one that writes to the relation, or to a table above it,
	// or empty.
	subscription string

	parents, children []*relation
	partition         bool // parents[0] is a partitioned table
	primary           []keyColumn
	triggers          []storedTrigger
	// affects are the names of the tables that foreign keys change when rows
	// of this one change.
	affects []string

	// keys are the kinds of the primary key's columns as the log holds them,
	// in key order. When there are none, the log has only marks on the whole
	// table, and whole says why.
	keys  []keyKind
	whole string
	// hidden are the kinds that keys would have without row-level security.
	hidden []keyKind
	// relatives are the other tables whose rows a change of this one may have
	// changed: partitioned tables and inheritance parents above it, whose rows
	// these are too, and partitions and children below it, whose triggers do
	// not fire for a statement on this one. A change belongs to all of them.
	relatives []dialects.Table
	// keyed tells for each of relatives whether the keys of this relation
	// identify the rows there. If not, a change marks the relative as a whole.
	keyed []bool
	// kin are the relations behind relatives.
	kin []*relation
}

// relationKind is pg_class.relkind.
type relationKind string

// The kinds of relations that statements can name.
const (
	ordinaryTable    relationKind = "r"
	partitionedTable relationKind = "p"
	viewRelation     relationKind = "v"
	materializedView relationKind = "m"
	foreignTable     relationKind = "f"
	sequence         relationKind = "S"
)

// keyColumn is a column of a primary key.
type keyColumn struct {
	name string
	// typ is the type's name, as format_type spells it.
	typ string
	// builtin: the type came with the database.
	builtin bool
	// deterministic: equal values have equal bytes.
	deterministic bool
	// generated: it changes with other columns.
	generated bool
}

// loadSchema reads the schema over q, which should be in a transaction of one
// snapshot.
func loadSchema(ctx context.Context, q querier) (*schema, error) {
	s := &schema{}
	if err := s.loadMeta(ctx, q); err != nil {
		return nil, err
	}
	if err := s.loadObjects(ctx, q); err != nil {
		return nil, err
	}
	for _, r := range s.relations {
		r.relate()
	}
	for _, r := range s.relations {
		r.chooseKeys(s.rest["encoding"])
	}
	for _, r := range s.relations {
		r.nameRelatives()
	}
	s.judgeCode()
	return s, nil
}

// meta is the row of livesql.meta, in any layout.
type meta struct {
	Version int         `json:"version"`
	Bell    listen.Bell `json:"bell"`
	Later   bool        `json:"later"`
	// Revision is missing in older layouts.
	Revision int `json:"revision"`
}

func (s *schema) loadMeta(ctx context.Context, q querier) error {
	var namespace, readable, callable bool
	if err := q.QueryRowContext(ctx, accessSQL).Scan(&s.installed, &namespace, &readable, &callable, &s.strange); err != nil {
		return fmt.Errorf("postgres: looking for the change log: %w", err)
	}
	if !s.installed {
		return nil
	}
	switch {
	case s.strange != "":
		return nil
	case !namespace:
		s.forbidden = "use the schema livesql"
		return nil
	case !readable:
		s.forbidden = "read the tables of the schema livesql"
		return nil
	case !callable:
		s.forbidden = "call livesql.attend(), livesql.fingerprint() and livesql.prune()"
	}
	var text []byte
	err := q.QueryRowContext(ctx, "SELECT to_jsonb(m) FROM livesql.meta AS m").Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return errors.New("postgres: livesql.meta has no row: the installation is broken, uninstall and install again")
	}
	if err != nil {
		return fmt.Errorf("postgres: reading livesql.meta: %w", err)
	}
	var m meta
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("postgres: reading livesql.meta: %w", err)
	}
	s.version, s.bell, s.later, s.revision = m.Version, m.Bell, m.Later, m.Revision
	return nil
}

// relation returns the relation with that oid, or nil.
func (s *schema) relation(oid uint32) *relation { return s.byOID[oid] }

// find returns the relations that a name, with or without a schema, stands
// for.
func (s *schema) find(name string) []*relation {
	var found []*relation
	for _, r := range s.relations {
		if r.table.Name == name || r.table.String() == name {
			found = append(found, r)
		}
	}
	return found
}

// each calls f for every row of a query.
func each(ctx context.Context, q querier, query string, f func(scan func(...any) error) error, args ...any) (err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("postgres: reading the schema: %w", err)
	}
	defer func() {
		if cerr := rows.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("postgres: reading the schema: %w", cerr)
		}
	}()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return fmt.Errorf("postgres: reading the schema: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("postgres: reading the schema: %w", err)
	}
	return nil
}
