package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/vantage-go/live/dialects"
)

// host is what is known of the server behind a connection. The differences
// between MySQL and MariaDB, and between their versions, are in this file.
type host struct {
	version string
	maria   bool
	// major and minor are those of the product itself.
	major, minor int
	// identity is SQL for a text that no two servers share: asked in the same
	// statement as the log, it cannot be another server's.
	identity string
	// names are the variables in identity that tell servers apart.
	names string
	// innodb is the information_schema table with the id of every InnoDB table.
	innodb string
	// blind: it does not show that table, for want of the PROCESS right. It is
	// found out by asking.
	blind bool
	// hidesRoles: it does not show who has which role, for want of SELECT on the
	// database mysql. It is found out by asking, too.
	hidesRoles bool
	// views: the database had views when its schema was read. Only then the
	// fingerprint has to ask for them: the first one is among the tables.
	views bool
	// tidies: there is the function for tidy, and this account may call it.
	tidies atomic.Bool
	// skips: FOR UPDATE takes SKIP LOCKED.
	skips bool
	// database is the one that the connection has selected.
	database string
	// boot is when the server was started, in seconds, up to bootSlack.
	boot int64
	// folds: names of tables are compared without case.
	folds bool
	// replica: the server applies the changes of another one.
	replica bool
	// cluster says why there are several servers that take writes, of which
	// each has triggers and a log of its own, or is empty.
	cluster string
	// binlog is its binlog_format, empty without a binary log.
	binlog string
	// flush is innodb_flush_log_at_trx_commit.
	flush string
	// autoinc is innodb_autoinc_lock_mode.
	autoinc string
	// trusts: triggers can be created without SUPER.
	trusts bool
}

// bootSlack is how much two readings of one server's start may differ: both
// clocks tick in seconds.
const bootSlack = 2

func sameBoot(a, b int64) bool { return a-b <= bootSlack && b-a <= bootSlack }

// lookAtServer asks who is there. It needs no rights.
func lookAtServer(ctx context.Context, q querier) (*host, error) {
	s := &host{}
	variables, err := pairs(ctx, q, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'version_comment', 'server_uuid', 'server_uid', "+
		"'lower_case_table_names', 'log_bin', 'binlog_format', 'innodb_flush_log_at_trx_commit', 'log_bin_trust_function_creators', "+
		"'innodb_autoinc_lock_mode', 'wsrep_on', 'wsrep_provider', 'group_replication_group_name', 'group_replication_single_primary_mode')")
	if err != nil {
		return nil, fmt.Errorf("mysql: asking for the server's variables: %w", err)
	}
	s.version = variables["version"]
	s.maria = strings.Contains(strings.ToLower(s.version+variables["version_comment"]), "mariadb")
	// Some proxies keep the version with which MariaDB fools old clients.
	s.major, s.minor = numbers(strings.TrimPrefix(s.version, "5.5.5-"))
	s.folds = variables["lower_case_table_names"] != "0"
	if variables["log_bin"] == "ON" {
		s.binlog = variables["binlog_format"]
		s.trusts = variables["log_bin_trust_function_creators"] == "ON"
	} else {
		s.trusts = true
	}
	s.flush = variables["innodb_flush_log_at_trx_commit"]
	s.autoinc = variables["innodb_autoinc_lock_mode"]
	s.cluster = cluster(variables)
	parts := []string{"@@hostname", "@@port", "@@server_id"}
	for _, name := range []string{"server_uuid", "server_uid"} {
		if _, ok := variables[name]; ok {
			parts = append(parts, "@@"+name)
		}
	}
	// As text: read_only is a number or a word, depending on the version.
	s.names = strings.Join(parts, ", ")
	s.identity = "CONCAT_WS('|', IF(CONCAT(@@global.read_only) IN ('0', 'OFF') AND NOT @@global.innodb_read_only, 0, 1), " + s.names + ")"
	if s.maria {
		s.innodb = "information_schema.INNODB_SYS_TABLES"
		s.skips = s.atLeast(10, 6)
	} else {
		s.innodb = "information_schema.INNODB_TABLES"
		s.skips = s.atLeast(8, 0)
	}
	if s.boot, s.replica, err = boot(ctx, q); err != nil {
		return nil, err
	}
	if err := one(ctx, q, "SELECT COALESCE(DATABASE(), '')", &s.database); err != nil {
		return nil, fmt.Errorf("mysql: asking for the database: %w", err)
	}
	return s, nil
}

// cluster says why the server is one of several that take writes, or returns
// nothing. What another one has committed comes without triggers having fired
// here, and its log rows come with ids and stamps of their own.
func cluster(variables map[string]string) string {
	provider := variables["wsrep_provider"]
	switch {
	case variables["wsrep_on"] == "ON" && provider != "" && provider != "none":
		return "the server is a node of a Galera cluster, whose nodes all take writes: this has not been proven to be exact there"
	case variables["group_replication_group_name"] != "" && variables["group_replication_single_primary_mode"] == "OFF":
		return "the server is in a group with several primaries: this has not been proven to be exact there"
	}
	return ""
}

// probe finds out whether statements can be tidy.
func (s *host) probe(ctx context.Context, q querier) {
	var n int
	s.tidies.Store(s.maria && one(ctx, q, "SELECT "+tidyFunction+"()", &n) == nil)
}

// tidy is a condition that holds, for every statement that touches the log by
// itself, not through a trigger. MariaDB keeps open tables for whoever comes
// next, and one that such a statement leaves behind it later takes for in use:
// after LOCK TABLES t WRITE, the first write to t then fails with error 1442,
// as its triggers have the log open more than once. A statement that mentions a
// function which reads a table leaves none. It need not be called.
func (s *host) tidy() string {
	if s.tidies.Load() {
		return "(TRUE OR " + tidyFunction + "() = 1)"
	}
	return "TRUE"
}

// boot returns when the server was started, and whether it is a replica as far
// as it tells everybody: MySQL does not.
func boot(ctx context.Context, q querier) (at int64, replica bool, err error) {
	status, err := pairs(ctx, q, "SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Slave_running', 'Slaves_running')")
	if err != nil {
		return 0, false, fmt.Errorf("mysql: asking for the server's uptime: %w", err)
	}
	uptime, err := strconv.ParseInt(status["Uptime"], 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("mysql: asking for the server's uptime: %w", err)
	}
	var now int64
	if err := one(ctx, q, "SELECT UNIX_TIMESTAMP()", &now); err != nil {
		return 0, false, fmt.Errorf("mysql: asking for the server's time: %w", err)
	}
	running := status["Slaves_running"]
	replica = status["Slave_running"] == "ON" || running != "" && running != "0"
	return now - uptime, replica, nil
}

func pairs(ctx context.Context, q querier, query string) (map[string]string, error) {
	found := make(map[string]string)
	err := each(ctx, q, query, func(scan scanFunc) error {
		var name, value string
		if err := scan(&name, &value); err != nil {
			return err
		}
		found[name] = value
		return nil
	})
	return found, err
}

// numbers returns the first two numbers of a version.
func numbers(version string) (major, minor int) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return 0, 0
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return 0, 0
	}
	minor, err = strconv.Atoi(parts[1])
	if err != nil {
		return 0, 0
	}
	return major, minor
}

// has reports whether a function of that name, if it is one that is known, is the
// server's own.
func (s *host) has(name string) bool {
	return dialects.MySQLHas(s.maria, name) && (!s.maria || s.atLeast(10, mariaSince[name]))
}

// mariaSince tells with which 10.x the younger of MariaDB's functions came. Before
// that, somebody may have made a stored one of the name.
var mariaSince = map[string]int{
	"json_arrayagg": 5, "json_objectagg": 5,
	"add_months": 6, "json_table": 6, "sys_guid": 6, "to_char": 6,
	"json_equals": 7, "json_normalize": 7, "natural_sort_key": 7, "sformat": 7,
	"crc32c": 8, "json_overlaps": 9, "random_bytes": 10,
}

func (s *host) atLeast(major, minor int) bool {
	return s.major > major || s.major == major && s.minor >= minor
}

var (
	errReadOnlyServer = errors.New("mysql: the server is read-only, so probably a replica: connect the feed to the primary (FeedDSN)")
	errReplica        = errors.New("mysql: the server is a replica: connect the feed to the primary (FeedDSN)")
)
