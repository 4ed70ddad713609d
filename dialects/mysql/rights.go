package mysql

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// rights is a fingerprint of who may read the database: what is in memory is
// answered without the server, which would refuse an account that has lost the
// right. It is taken with every look, so that a REVOKE, by whomever, ends what
// may be answered with the lease at the latest.
//
//	information_schema: SELECT on *.*, the database, its tables and columns ─→ grants
//	mysql.roles_mapping, mysql.global_priv: what roles hold, who has them   ─→ roles
//	SHOW GRANTS: the own account's, with the roles in use                   ─→ own
//
// An account that may read the database mysql sees the rights of all accounts;
// any other sees its own, which are the program's where the feed uses its data
// source name. Rights on other databases, and others than SELECT, do not count:
// no result that is kept depends on them.
type rights struct {
	grants, roles, own string
	// held is the sum of all, of roles only what leads to a table of the
	// database.
	held string
}

// Numbers of the parts of the fingerprint.
const (
	partGrants = 8
	partRoles  = 9
)

// rightsParts are the parts of the statement that takes the fingerprint.
// Information_schema tells what is in force, the tables of the database mysql
// what will be after the next FLUSH PRIVILEGES, so they are asked for only what
// it does not show. All of it
// lies in the server's memory: with 10 tables it is an eighth of a look, with 100 a fortieth: see
// BenchmarkRights.
func (s *host) rightsParts() []string {
	reads := "PRIVILEGE_TYPE = 'SELECT'"
	parts := []string{
		part(partGrants, "information_schema.USER_PRIVILEGES", reads, "GRANTEE"),
		part(partGrants, "information_schema.SCHEMA_PRIVILEGES", reads+" AND "+quoteText(s.database)+" LIKE TABLE_SCHEMA", "GRANTEE", "TABLE_SCHEMA"),
		part(partGrants, "information_schema.TABLE_PRIVILEGES", reads+" AND "+s.in("TABLE_SCHEMA"), "GRANTEE", "TABLE_NAME"),
		part(partGrants, "information_schema.COLUMN_PRIVILEGES", reads+" AND "+s.in("TABLE_SCHEMA"), "GRANTEE", "TABLE_NAME", "COLUMN_NAME"),
	}
	switch {
	case s.hidesRoles:
	case s.maria:
		from, where := s.readingRoles()
		parts = append(parts,
			part(partGrants, from, where, "User", "Host"),
			part(partRoles, "mysql.roles_mapping", "TRUE", "Host", "User", "Role"))
	default:
		parts = append(parts,
			part(partGrants, "mysql.user", "TRUE", "User", "Host", "Select_priv", "COALESCE(CAST(User_attributes AS CHAR), '')"),
			part(partRoles, "mysql.role_edges", "TRUE", "FROM_HOST", "FROM_USER", "TO_HOST", "TO_USER"))
	}
	return parts
}

// readingRoles are the roles with SELECT on everything, which MariaDB's
// information_schema does not show.
func (s *host) readingRoles() (from, where string) {
	if !s.atLeast(10, 4) {
		return "mysql.user", "is_role = 'Y' AND Select_priv = 'Y'"
	}
	return "mysql.global_priv", "COALESCE(JSON_VALUE(Priv, '$.is_role'), 0) AND (COALESCE(JSON_VALUE(Priv, '$.access'), 0) & 1)"
}

// takeOwnRights reads those of the own account, which are all that can be seen
// where roles are hidden: lines like GRANT SELECT, INSERT ON …, and GRANT role.
func takeOwnRights(ctx context.Context, q querier) (string, error) {
	var lines []string
	err := each(ctx, q, "SHOW GRANTS", func(scan scanFunc) error {
		var line string
		err := scan(&line)
		if given, _, on := strings.Cut(line, " ON "); !on || strings.Contains(given, "SELECT") || strings.Contains(given, "ALL PRIVILEGES") {
			lines = append(lines, line)
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("mysql: looking at the account's rights: %w", err)
	}
	return sum(lines), nil
}

// sum is a short text for lines in whatever order, which may hold what is not to
// be kept: MariaDB shows hashes of passwords.
func sum(lines []string) string {
	slices.Sort(lines)
	h := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(h[:8])
}

// settle finds out what is held, unless nothing has moved since before.
func (r *rights) settle(ctx context.Context, q querier, on *host, before rights) error {
	if before.held != "" && before.grants == r.grants && before.roles == r.roles && before.own == r.own {
		r.held = before.held
		return nil
	}
	roles := r.roles
	if on.maria && !on.hidesRoles {
		var err error
		if roles, err = rolesThatRead(ctx, q, on); err != nil {
			return err
		}
	}
	r.held = strings.Join([]string{r.grants, roles, r.own}, " ")
	return nil
}

// rolesThatRead tells who has the roles that may read tables of the database,
// directly or by other roles. Elsewhere on the server, roles come and go. What a
// role holds by another one, information_schema shows of both, but of SELECT on
// everything it shows neither.
func rolesThatRead(ctx context.Context, q querier, on *host) (string, error) {
	from, where := on.readingRoles()
	reads := "PRIVILEGE_TYPE = 'SELECT' AND GRANTEE LIKE '%@\\'\\''"
	name := "SUBSTRING(GRANTEE, 2, CHAR_LENGTH(GRANTEE) - 5)"
	reading := make(map[string]bool)
	err := each(ctx, q, strings.Join([]string{
		"SELECT " + name + " FROM information_schema.SCHEMA_PRIVILEGES WHERE " + reads + " AND " + quoteText(on.database) + " LIKE TABLE_SCHEMA",
		"SELECT " + name + " FROM information_schema.TABLE_PRIVILEGES WHERE " + reads + " AND " + on.in("TABLE_SCHEMA"),
		"SELECT " + name + " FROM information_schema.COLUMN_PRIVILEGES WHERE " + reads + " AND " + on.in("TABLE_SCHEMA"),
		"SELECT User FROM " + from + " WHERE " + where,
	}, " UNION "), func(scan scanFunc) error {
		var role string
		err := scan(&role)
		reading[role] = true
		return err
	})
	if err != nil {
		return "", fmt.Errorf("mysql: looking at the rights of roles: %w", err)
	}
	type edge struct{ host, user, role string }
	var edges []edge
	err = each(ctx, q, "SELECT Host, User, Role FROM mysql.roles_mapping", func(scan scanFunc) error {
		var e edge
		err := scan(&e.host, &e.user, &e.role)
		edges = append(edges, e)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("mysql: looking at who has which role: %w", err)
	}
	var lines []string
	for moved := true; moved; {
		moved = false
		edges = slices.DeleteFunc(edges, func(e edge) bool {
			if !reading[e.role] {
				return false
			}
			lines = append(lines, fmt.Sprintf("%q %q %q", e.host, e.user, e.role))
			if e.host == "" {
				reading[e.user] = true // a role, or an account without a host, which does no harm
			}
			moved = true
			return true
		})
	}
	return sum(lines), nil
}
