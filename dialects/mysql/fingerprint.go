package mysql

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// fingerprint is a short text that changes when anything does on which the
// capture of changes depends.
type fingerprint struct {
	// schema is that of tables, columns, keys and triggers.
	schema string
	// tables is that of InnoDB's table ids, which a TRUNCATE changes and nothing
	// else tells. It is empty without the PROCESS right.
	tables string
	// rights is that of who may read.
	rights rights
}

// takeFingerprint asks for the current one in a single statement. The server
// adds up what it would otherwise have to send; it is the reading of trigger
// files that costs: see BenchmarkPoll. On MariaDB 10.11 over a Unix socket, a
// look takes 3 to 5 ms with 10 tables, 13 ms with 100 tables and their 300
// triggers; a poll without one takes 0.2 to 0.5 ms. A trigger that is dropped and made
// again has another CREATED.
//
// CRC32 is no protection against malice, but nobody who may create triggers
// needs to forge one. Sum and exclusive or together do not depend on the order
// of rows, nor cancel out when two rows change alike. That of a hash is taken: a
// CRC is linear, so when two rows exchange a part, as columns do their names, the
// exclusive or of theirs is as before, and the sum may be.
func takeFingerprint(ctx context.Context, q querier, on *host) (fingerprint, error) {
	f, err := fingerprintWith(ctx, q, on)
	for failed(err, errMissingRight, errDBAccess, errTableAccess, errColumnAccess) && (!on.hidesRoles || !on.blind) {
		// The server tells of one right that is missing at a time.
		if on.hidesRoles || failed(err, errMissingRight) {
			on.blind = true
		} else {
			on.hidesRoles = true
		}
		f, err = fingerprintWith(ctx, q, on)
	}
	if err == nil && on.hidesRoles {
		f.rights.own, err = takeOwnRights(ctx, q)
	}
	if err != nil {
		return fingerprint{}, fmt.Errorf("mysql: looking at the schema: %w", err)
	}
	return f, nil
}

// partNames are those of the parts of a schema's mark.
var partNames = map[string]string{
	"1": "triggers", "2": "tables", "3": "columns", "4": "keys", "5": "foreign keys", "7": "views", "10": "partitions",
}

// changedParts names the parts in which two marks of a schema differ.
func changedParts(before, after string) string {
	differ := make(map[string]bool) // parts of one of the two only
	for _, mark := range []string{before, after} {
		for part := range strings.SplitSeq(mark, ";") {
			differ[part] = !differ[part]
		}
	}
	changed := make(map[string]bool)
	for part, only := range differ {
		if n, _, found := strings.Cut(part, ":"); only && found {
			changed[partNames[n]] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(changed)), ", ")
}

// part is the statement for one part of the fingerprint.
func part(n int, from, where string, columns ...string) string {
	crc := "CRC32(SHA1(CONCAT_WS('|', " + strings.Join(columns, ", ") + ")))"
	return fmt.Sprintf("SELECT %d AS part, CONCAT_WS(' ', COUNT(*), SUM(%s), BIT_XOR(%[2]s)) AS mark FROM %s WHERE %s", n, crc, from, where)
}

func fingerprintWith(ctx context.Context, q querier, on *host) (f fingerprint, err error) {
	parts := []string{
		part(1, "information_schema.TRIGGERS", on.in("EVENT_OBJECT_SCHEMA"),
			"TRIGGER_NAME", "EVENT_OBJECT_TABLE", "EVENT_MANIPULATION", "ACTION_TIMING", "ACTION_STATEMENT", "SQL_MODE", "CREATED"),
		part(2, "information_schema.TABLES", on.in("TABLE_SCHEMA"), "TABLE_NAME", "TABLE_TYPE", "ENGINE"),
		part(3, "information_schema.COLUMNS", on.in("TABLE_SCHEMA"), "TABLE_NAME", "ORDINAL_POSITION", "COLUMN_NAME", "COLUMN_TYPE",
			"COLLATION_NAME", "IS_NULLABLE", "COLUMN_KEY", "EXTRA", "COALESCE(GENERATION_EXPRESSION, '')"),
		part(4, "information_schema.KEY_COLUMN_USAGE", on.in("TABLE_SCHEMA"), "TABLE_NAME", "CONSTRAINT_NAME", "COLUMN_NAME",
			"ORDINAL_POSITION", "REFERENCED_TABLE_SCHEMA", "REFERENCED_TABLE_NAME", "REFERENCED_COLUMN_NAME"),
		part(5, "information_schema.REFERENTIAL_CONSTRAINTS", on.in("CONSTRAINT_SCHEMA"), "TABLE_NAME", "CONSTRAINT_NAME", "UPDATE_RULE", "DELETE_RULE"),
	}
	if on.views {
		parts = append(parts, part(7, "information_schema.VIEWS", on.in("TABLE_SCHEMA"), "TABLE_NAME", "VIEW_DEFINITION", "DEFINER", "SECURITY_TYPE"))
	}
	parts = append(parts, on.rightsParts()...)
	if !on.blind {
		parts = append(parts, part(6, on.innodb, on.innodbNames(), "NAME", "TABLE_ID"))
	} else {
		// Their ids tell of them above: to drop one fires no trigger either.
		parts = append(parts, part(10, "information_schema.PARTITIONS", on.in("TABLE_SCHEMA")+" AND PARTITION_NAME IS NOT NULL", "TABLE_NAME", "PARTITION_NAME",
			"SUBPARTITION_NAME", "PARTITION_ORDINAL_POSITION", "PARTITION_METHOD", "PARTITION_EXPRESSION", "PARTITION_DESCRIPTION"))
	}
	err = each(ctx, q, strings.Join(parts, " UNION ALL "), func(scan scanFunc) error {
		var n int
		var mark string
		if err := scan(&n, &mark); err != nil {
			return err
		}
		switch n {
		case 6:
			f.tables = mark
		case partGrants:
			f.rights.grants += mark + ";"
		case partRoles:
			f.rights.roles = mark
		default:
			f.schema += fmt.Sprintf("%d:%s;", n, mark)
		}
		return nil
	})
	return f, err
}

// innodbNames is the condition for InnoDB's names of the database's tables,
// which are written as file names: for a database whose name has other
// characters than a file name needs, the tables of all databases.
func (s *host) innodbNames() string {
	if !plain(s.database) {
		return "TRUE"
	}
	return "LEFT(NAME, LOCATE('/', NAME)) = " + quoteText(s.database+"/")
}

// plain reports whether InnoDB writes the name as it is.
func plain(name string) bool {
	for _, r := range name {
		if r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return true
}

// tableIDs reads InnoDB's ids by InnoDB's names.
func tableIDs(ctx context.Context, q querier, on *host) (map[string]uint64, error) {
	ids := make(map[string]uint64)
	err := each(ctx, q, "SELECT NAME, TABLE_ID FROM "+on.innodb+" WHERE "+on.innodbNames(), func(scan scanFunc) error {
		var name string
		var id uint64
		if err := scan(&name, &id); err != nil {
			return err
		}
		ids[name] = id
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("mysql: reading the ids of tables: %w", err)
	}
	return ids, nil
}

// replaced returns the tables whose contents were replaced as a whole between
// two readings: all of them, when it is one that it cannot name.
func (s *schema) replaced(before, after map[string]uint64) []string {
	files := make(map[string]string, len(s.tables))
	for _, t := range s.tables {
		if plain(t.name) && plain(s.server.database) {
			files[s.server.fold(t.name)] = t.name
		}
	}
	moved := make([]string, 0, len(after))
	for full, id := range after {
		if before[full] != id {
			moved = append(moved, full)
		}
	}
	for full := range before {
		if _, ok := after[full]; !ok {
			moved = append(moved, full) // a partition that was dropped
		}
	}
	var names []string
	for _, full := range moved {
		_, file, _ := strings.Cut(full, "/")
		if strings.HasPrefix(file, "#sql") {
			continue // an ALTER TABLE at work
		}
		file, _, _ = strings.Cut(strings.ReplaceAll(file, "#p#", "#P#"), "#P#") // of a partition
		name, ok := files[s.server.fold(file)]
		if !ok {
			names = nil
			for _, t := range s.tables {
				names = append(names, t.name)
			}
			return names
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
