package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/internal/places"
)

// question is what connections of the program are asked: which database they
// are to, and everything of their session on which results may depend.
type question struct {
	// home is SQL for one text that no two databases share.
	home string
	// text is the whole question. Its answer has three lines: 1 for a session
	// whose results are nobody else's; the home; the settings.
	text string
}

// newQuestion makes the question for the server behind a connection. Other
// versions have other variables, and one that is not there fails the question.
func newQuestion(ctx context.Context, q querier, on *host) (*question, error) {
	variables, err := sessionVariables(ctx, q, on)
	if err != nil {
		return nil, fmt.Errorf("mysql: asking which variables there are: %w", err)
	}
	home := "HEX(CONCAT_WS('|', " + on.names + ", @@datadir, DATABASE()))"
	settings := []string{"QUOTE(CURRENT_USER())", "QUOTE(CURRENT_ROLE())", "QUOTE(@@system_time_zone)"}
	// With Oracle's grammar some functions need no parentheses (SYSDATE), with that of
	// SQL Server brackets quote names, and in these character sets a backslash or a
	// backquote may be the end of a character.
	private := []string{
		"@@autocommit = 0", "FIND_IN_SET('ORACLE', @@sql_mode) > 0", "FIND_IN_SET('MSSQL', @@sql_mode) > 0",
		"@@character_set_client IN ('big5', 'cp932', 'gb18030', 'gbk', 'sjis')",
	}
	for _, name := range variables {
		switch name {
		case "autocommit":
		case "in_transaction", "sql_auto_is_null":
			private = append(private, "@@"+name+" <> 0")
		case "tx_isolation", "transaction_isolation":
			private = append(private, "@@"+name+" = 'READ-UNCOMMITTED'")
		case "completion_type":
			private = append(private, "@@"+name+" <> 'NO_CHAIN'")
		case "timestamp", "insert_id", "last_insert_id", "identity", "rand_seed1", "rand_seed2", "pseudo_thread_id",
			"error_count", "warning_count", "last_gtid", "gtid_seq_no":
			// What depends on these comes from the database each time.
		default:
			if !dialects.MySQLHarmless(name) {
				settings = append(settings, "QUOTE(@@"+name+")")
			}
		}
	}
	// As bytes: the session may have results in a character set that not all
	// names fit into.
	return &question{home: home, text: fmt.Sprintf("SELECT CAST(CONCAT_WS(CHAR(10), IF(%s, 1, 0), %s, CONCAT_WS(',', %s)) AS BINARY)",
		strings.Join(private, " OR "), home, strings.Join(settings, ", "))}, nil
}

// sessionVariables returns the names of the variables of a session that are to
// be asked for. MariaDB tells which variables a session has. MySQL does not, so
// that only those count there that are known.
func sessionVariables(ctx context.Context, q querier, on *host) ([]string, error) {
	query := "SELECT LOWER(VARIABLE_NAME) FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_SCOPE LIKE 'SESSION%'"
	if !on.maria {
		wanted := append([]string{"completion_type", "transaction_isolation"}, dialects.MySQLSettings()...)
		query = "SHOW SESSION VARIABLES WHERE Variable_name IN ('" + strings.Join(wanted, "', '") + "')"
	}
	var names []string
	err := each(ctx, q, query, func(scan scanFunc) error {
		var name, value string
		if on.maria {
			err := scan(&name)
			names = append(names, name)
			return err
		}
		err := scan(&name, &value)
		names = append(names, strings.ToLower(name))
		return err
	})
	slices.Sort(names)
	return names, err
}

var errNotYet = errors.New("mysql: the feed has not connected yet")

// Probe asks a connection of the program where it is and how its session
// differs from others.
func (d *database) Probe(ctx context.Context, conn sqldriver.Conn) (dialects.Place, error) {
	if d.refused != nil {
		return dialects.Place{}, d.refused // it may be a mock, which must not be asked anything
	}
	ask := d.question.Load()
	if ask == nil {
		return dialects.Place{}, errNotYet
	}
	answer, err := places.Ask(ctx, conn, ask.text)
	if err != nil {
		return dialects.Place{}, fmt.Errorf("mysql: asking a connection where it is: %w", err)
	}
	private, rest, _ := strings.Cut(answer, "\n")
	home, settings, ok := strings.Cut(rest, "\n")
	if !ok {
		return dialects.Place{}, errors.New("mysql: a connection does not tell where it is")
	}
	place := dialects.Place{Database: d.homes.Number(home)}
	if private == "0" {
		place.Settings = d.sessions.Number(settings)
	}
	return place, nil
}

// unkept says why the results of connections that the data source name is for
// cannot be kept, or returns nothing: those whose transactions nobody begins.
func unkept(dsn string) string {
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		return ""
	}
	for name, value := range config.Params {
		switch name = strings.ToLower(name); name {
		case "autocommit":
			if value != "1" && !strings.EqualFold(value, "on") && !strings.EqualFold(value, "true") {
				return "the data source name switches autocommit off"
			}
		case "completion_type":
			return "the data source name sets completion_type"
		}
	}
	return ""
}
