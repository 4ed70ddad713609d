package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// schema is what one database holds, as far as capturing depends on it. It
// never changes.
type schema struct {
	server *host
	// mark is the fingerprint it was read under.
	mark   fingerprint
	tables []*table
	index  map[string]*table // by folded name
	views  []*namedView
	// lowered holds the names of tables and views in lower case, as those of
	// texts are told.
	lowered map[string]bool
	// installed reports that there is a log, with a head.
	installed bool
	version   int
	later     bool
	// log is the engine of the log.
	log string
	// registered are the ids that livesql_tables gives to names.
	registered map[string]uint32
	// ids are those of tables, names the tables of ids.
	ids   map[string]uint32
	names map[uint32]string
	keys  []foreignKey
	// exposed says why foreign keys may change tables unnoticed.
	exposed map[string]string
	// missing: there are tables that could be captured and are not.
	missing bool
	// definers are the accounts as whom the capture triggers run.
	definers []string
}

// table is one table with everything that its capture triggers depend on.
type table struct {
	name   string
	kind   string // TABLE_TYPE
	engine string
	// key are the columns of the primary key in order.
	key      []column
	temporal []temporal
	// floats are the columns of the type FLOAT.
	floats []string
	// triggers and expressions are the bodies of the program's triggers, and
	// what columns hold that are computed when they are read.
	triggers, expressions []string
	does                  []*definition // of triggers
	computed              *definition   // of expressions, or nil
	// found are the livesql triggers on the table.
	found []capture
	// strange: a foreign key lets another database change its rows.
	strange string
}

// foreignKey lets a change of parent change child.
type foreignKey struct {
	child, parent string
	// referenced are the columns of parent.
	referenced         []string
	onUpdate, onDelete string
}

func cascades(rule string) bool {
	switch rule {
	case "CASCADE", "SET NULL", "SET DEFAULT":
		return true
	}
	return false
}

// find returns the table of that name, or nil.
func (s *schema) find(name string) *table { return s.index[s.server.fold(name)] }

// fold makes names equal that the server holds for equal.
func (s *host) fold(name string) string {
	if s.folds {
		return strings.ToLower(name)
	}
	return name
}

// loadSchema reads the schema. That takes several statements: it is read again
// when the fingerprint moved meanwhile.
func loadSchema(ctx context.Context, q querier, on *host) (*schema, error) {
	const tries = 5
	for range tries {
		before, err := takeFingerprint(ctx, q, on)
		if err != nil {
			return nil, err
		}
		s, err := readSchema(ctx, q, on)
		if err != nil {
			return nil, err
		}
		after, err := takeFingerprint(ctx, q, on)
		if err != nil {
			return nil, err
		}
		if before.schema == after.schema {
			s.mark = after
			return s, nil
		}
	}
	return nil, errors.New("mysql: the schema changes too fast to be read")
}

func readSchema(ctx context.Context, q querier, on *host) (*schema, error) {
	s := &schema{server: on, ids: make(map[string]uint32), names: make(map[uint32]string), registered: make(map[string]uint32)}
	for _, load := range []func(context.Context, querier) error{s.loadTables, s.loadKeys, s.loadForeignKeys, s.loadTriggers, s.loadViews, s.loadLog} {
		if err := load(ctx, q); err != nil {
			return nil, fmt.Errorf("mysql: reading the schema: %w", err)
		}
	}
	on.views = len(s.views) > 0
	s.identify()
	s.expose()
	s.define()
	for _, t := range s.tables {
		s.missing = s.missing || t.uncapturable() == "" && s.unplaced(t) != ""
	}
	return s, nil
}

// in is the condition that the column holds the database's name.
func (s *host) in(column string) string {
	condition := column + " = " + quoteText(s.database)
	if !s.folds {
		// The server compares without case here, and finds them only so.
		condition += " AND CAST(" + column + " AS BINARY) = CAST(" + quoteText(s.database) + " AS BINARY)"
	}
	return condition
}

func (s *schema) in(column string) string { return s.server.in(column) }

func (s *schema) loadTables(ctx context.Context, q querier) error {
	var own []string
	s.index, s.lowered = make(map[string]*table), make(map[string]bool)
	err := each(ctx, q, "SELECT TABLE_NAME, TABLE_TYPE, COALESCE(ENGINE, '') FROM information_schema.TABLES WHERE "+s.in("TABLE_SCHEMA"), func(scan scanFunc) error {
		t := &table{}
		if err := scan(&t.name, &t.kind, &t.engine); err != nil {
			return err
		}
		switch {
		case slices.Contains(ownTables, t.name):
			own = append(own, t.name)
			if t.name == logTable {
				s.log = t.engine
			}
		case t.kind == "VIEW" || t.kind == "SYSTEM VIEW" || t.kind == "SEQUENCE":
		default:
			s.tables = append(s.tables, t)
			s.index[s.server.fold(t.name)] = t
			s.lowered[strings.ToLower(t.name)] = true
		}
		return nil
	})
	s.installed = len(own) == len(ownTables)
	slices.SortFunc(s.tables, func(a, b *table) int { return strings.Compare(a.name, b.name) })
	return err
}

func (s *schema) loadKeys(ctx context.Context, q querier) error {
	type place struct {
		table *table
		name  string
	}
	columns := make(map[place]column)
	err := each(ctx, q, `SELECT TABLE_NAME, COLUMN_NAME, LOWER(DATA_TYPE), LOWER(COLUMN_TYPE) LIKE '%unsigned%',
		COALESCE(CHARACTER_MAXIMUM_LENGTH, 0), COALESCE(CHARACTER_OCTET_LENGTH, 0), COALESCE(GENERATION_EXPRESSION, ''), EXTRA LIKE '%STORED%'
		FROM information_schema.COLUMNS WHERE `+s.in("TABLE_SCHEMA"), func(scan scanFunc) error {
		var on, expression string
		var stored bool
		var c column
		if err := scan(&on, &c.name, &c.dataType, &c.unsigned, &c.chars, &c.octets, &expression, &stored); err != nil {
			return err
		}
		t := s.find(on)
		c.generated = expression != ""
		columns[place{t, c.name}] = c
		if t != nil {
			t.note(c, expression, stored)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return each(ctx, q, "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE WHERE "+s.in("TABLE_SCHEMA")+
		" AND CONSTRAINT_NAME = 'PRIMARY' ORDER BY TABLE_NAME, ORDINAL_POSITION", func(scan scanFunc) error {
		var on, name string
		if err := scan(&on, &name); err != nil {
			return err
		}
		t := s.find(on)
		if t == nil || t.kind != "BASE TABLE" {
			return nil // the key of a versioned table has a hidden column
		}
		c, ok := columns[place{t, name}]
		if !ok {
			c = column{name: name, dataType: "unknown"} // which makes it a key that tells no rows apart
		}
		t.key = append(t.key, c)
		return nil
	})
}

func (s *schema) loadForeignKeys(ctx context.Context, q querier) error {
	type key struct{ table, name string }
	rules := make(map[key][2]string)
	err := each(ctx, q, "SELECT TABLE_NAME, CONSTRAINT_NAME, UPDATE_RULE, DELETE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE "+s.in("CONSTRAINT_SCHEMA"), func(scan scanFunc) error {
		var k key
		var onUpdate, onDelete string
		if err := scan(&k.table, &k.name, &onUpdate, &onDelete); err != nil {
			return err
		}
		rules[k] = [2]string{onUpdate, onDelete}
		return nil
	})
	if err != nil {
		return err
	}
	var last key
	return each(ctx, q, `SELECT TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
		FROM information_schema.KEY_COLUMN_USAGE WHERE `+s.in("TABLE_SCHEMA")+` AND REFERENCED_TABLE_NAME IS NOT NULL
		ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION`, func(scan scanFunc) error {
		var k key
		var elsewhere, parent, referenced string
		if err := scan(&k.table, &k.name, &elsewhere, &parent, &referenced); err != nil {
			return err
		}
		child := s.find(k.table)
		if child == nil {
			return nil
		}
		rule, known := rules[k]
		if !known {
			rule = [2]string{"CASCADE", "CASCADE"}
		}
		if s.server.fold(elsewhere) != s.server.fold(s.server.database) {
			if cascades(rule[0]) || cascades(rule[1]) {
				child.strange = elsewhere + "." + parent
			}
			return nil
		}
		if p := s.find(parent); p != nil {
			parent = p.name
		}
		if k == last {
			f := &s.keys[len(s.keys)-1]
			f.referenced = append(f.referenced, referenced)
			return nil
		}
		last = k
		s.keys = append(s.keys, foreignKey{child: child.name, parent: parent, referenced: []string{referenced}, onUpdate: rule[0], onDelete: rule[1]})
		return nil
	})
}

func (s *schema) loadTriggers(ctx context.Context, q querier) error {
	return each(ctx, q, `SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_STATEMENT, SQL_MODE, DEFINER
		FROM information_schema.TRIGGERS WHERE `+s.in("EVENT_OBJECT_SCHEMA")+` ORDER BY TRIGGER_NAME`, func(scan scanFunc) error {
		var c capture
		var on string
		var body, mode, definer sql.NullString
		if err := scan(&c.name, &on, &c.timing, &c.event, &body, &mode, &definer); err != nil {
			return err
		}
		t := s.find(on)
		if _, ours := c.id(); !ours {
			if t != nil {
				t.triggers = append(t.triggers, body.String)
			}
			return nil
		}
		if !body.Valid {
			return nil // it is not shown to an account without the TRIGGER right
		}
		c.body, c.mode = body.String, mode.String
		if t != nil {
			t.found = append(t.found, c)
		}
		if !slices.Contains(s.definers, definer.String) {
			s.definers = append(s.definers, definer.String)
		}
		return nil
	})
}

func (s *schema) loadViews(ctx context.Context, q querier) error {
	return each(ctx, q, "SELECT TABLE_NAME, COALESCE(VIEW_DEFINITION, '') FROM information_schema.VIEWS WHERE "+s.in("TABLE_SCHEMA"), func(scan scanFunc) error {
		v := &namedView{}
		if err := scan(&v.name, &v.text); err != nil {
			return err
		}
		s.views = append(s.views, v)
		s.lowered[strings.ToLower(v.name)] = true
		return nil
	})
}

func (s *schema) loadLog(ctx context.Context, q querier) error {
	if !s.installed {
		return nil
	}
	err := one(ctx, q, "SELECT version, later FROM "+headTable+" WHERE one = 1", &s.version, &s.later)
	if errors.Is(err, sql.ErrNoRows) {
		s.installed = false // it is being installed
		return nil
	}
	if err != nil {
		return err
	}
	if s.version != logVersion {
		return &listen.NoLogError{Why: fmt.Sprintf("the change log has layout %d, this program knows %d", s.version, logVersion)}
	}
	return each(ctx, q, "SELECT id, name FROM "+tablesTable, func(scan scanFunc) error {
		var id uint32
		var name string
		if err := scan(&id, &name); err != nil {
			return err
		}
		s.registered[name] = id
		return nil
	})
}

// identify finds the ids of tables. A table that was renamed keeps its
// triggers, and with them the id that they write; so what is on the table
// comes before what the registry remembers of its name.
func (s *schema) identify() {
	claims := make(map[uint32]int)
	for _, t := range s.tables {
		if id, ok := t.claimed(); ok {
			claims[id]++
		}
	}
	for _, t := range s.tables {
		if id, ok := t.claimed(); ok && claims[id] == 1 {
			s.ids[t.name], s.names[id] = id, t.name
		}
	}
	for _, t := range s.tables {
		id, ok := s.registered[t.name]
		if _, known := s.ids[t.name]; known || !ok || claims[id] > 0 {
			continue
		}
		s.ids[t.name], s.names[id] = id, t.name
	}
}

// claimed returns the id that the triggers on the table agree on.
func (t *table) claimed() (uint32, bool) {
	var id uint32
	for i, c := range t.found {
		n, ok := c.id()
		if !ok || i > 0 && n != id {
			return 0, false
		}
		id = n
	}
	return id, len(t.found) > 0
}

func (s *schema) tableNamed(name string) dialects.Table {
	return dialects.Table{Schema: s.server.database, Name: name}
}
