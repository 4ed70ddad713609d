package mysql

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

func TestEveryWayToWriteIsLogged(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT, u VARCHAR(20) UNIQUE)")
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	program := programOn(t, db.DB())
	file := filepath.Join(t.TempDir(), "rows")
	if err := os.WriteFile(file, []byte("40\t1\tload1\n41\t2\tload2\n1\t9\tload3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mysql.RegisterLocalFile(file)
	for _, step := range []struct {
		statement string
		want      []string
	}{
		{"INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')", []string{"t I int64:1", "t I int64:2", "t I int64:3"}},
		{"UPDATE t SET v = 5 WHERE id < 3", []string{"t U int64:1", "t U int64:2"}},
		// No collation may call an update none.
		{"UPDATE t SET u = UPPER(u) WHERE id = 1", []string{"t U int64:1"}},
		{"UPDATE t SET v = v WHERE id = 1", []string{"t U int64:1"}},
		{"UPDATE t SET id = 10 WHERE id = 1", []string{"t D int64:1", "t U int64:10"}},
		{"REPLACE INTO t VALUES (2, 7, 'b')", []string{"t D int64:2", "t I int64:2"}},
		// A unique key throws out a row with another primary key.
		{"REPLACE INTO t VALUES (20, 7, 'c')", []string{"t D int64:3", "t I int64:20"}},
		{"INSERT INTO t VALUES (2, 1, 'x') ON DUPLICATE KEY UPDATE v = 100", []string{"t U int64:2"}},
		{"INSERT INTO t VALUES (30, 1, 'x') ON DUPLICATE KEY UPDATE v = 100", []string{"t I int64:30"}},
		{"INSERT IGNORE INTO t VALUES (2, 1, 'y')", nil},
		{"INSERT IGNORE INTO t VALUES (2, 1, 'y'), (31, 1, 'z')", []string{"t I int64:31"}},
		{"INSERT INTO t SELECT id + 100, v, CONCAT(u, 'q') FROM t WHERE id IN (30, 31)", []string{"t I int64:130", "t I int64:131"}},
		{"LOAD DATA LOCAL INFILE '" + file + "' REPLACE INTO TABLE t", []string{"t I int64:1", "t I int64:40", "t I int64:41"}},
		{"DELETE FROM t WHERE id > 100", []string{"t D int64:130", "t D int64:131"}},
		{"UPDATE t a JOIN t b ON b.id = a.id SET a.v = 0 WHERE a.id = 40", []string{"t U int64:40"}},
		{"DELETE a FROM t a JOIN t b ON b.id = a.id WHERE a.id = 40", []string{"t D int64:40"}},
		{"DELETE FROM t WHERE id = 41", []string{"t D int64:41"}},
	} {
		mustExec(t, program, step.statement)
		t.Run(strings.ReplaceAll(step.statement, "/", "_"), func(t *testing.T) {
			f.in(t).expect(step.want...)
		})
	}
}

// The server must not take the log for in use when several triggers of one
// statement write to it, and the feed has just read it.
func TestStatementsOnSeveralTables(t *testing.T) {
	db := newDB(t, "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "CREATE TABLE b (id INT PRIMARY KEY, v INT)",
		"CREATE TRIGGER own AFTER UPDATE ON a FOR EACH ROW UPDATE b SET v = NEW.v WHERE id = NEW.id",
		"INSERT INTO a VALUES (1, 1), (2, 2)", "INSERT INTO b VALUES (1, 1), (2, 2), (3, 3)")
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	for _, step := range []struct {
		statement string
		want      []string
	}{
		{"UPDATE a JOIN b USING (id) SET b.v = 7 WHERE id = 1", []string{"b U int64:1"}},
		{"UPDATE a SET v = 8 WHERE id = 1", []string{"a U int64:1", "b U int64:1"}},
		{"INSERT INTO a VALUES (1, 9), (4, 4) ON DUPLICATE KEY UPDATE v = 9", []string{"a U int64:1", "a I int64:4", "b U int64:1"}},
		{"REPLACE INTO a SELECT id, v FROM b WHERE id > 1", []string{"a D int64:2", "a I int64:2", "a I int64:3"}},
		{"DELETE a, b FROM a JOIN b USING (id) WHERE id < 3", []string{"a D int64:1", "a D int64:2", "b D int64:1", "b D int64:2"}},
	} {
		f.expect()
		mustExec(t, db.DB(), step.statement)
		f.expect(step.want...)
	}
}

func TestKeysOfEveryKind(t *testing.T) {
	long := strings.Repeat("ü", 768) // 3072 bytes of an index, the most there is
	kinds := []struct{ columns, values, want string }{
		{"id INT PRIMARY KEY", "-17", "int64:-17"},
		{"id BIGINT PRIMARY KEY", "-9223372036854775808", "int64:-9223372036854775808"},
		{"id TINYINT UNSIGNED PRIMARY KEY", "200", "uint64:200"},
		{"id BIGINT UNSIGNED PRIMARY KEY", "18446744073709551615", "uint64:18446744073709551615"},
		{"id INT(10) ZEROFILL PRIMARY KEY", "42", "uint64:42"},
		{"id VARCHAR(20) CHARACTER SET utf8mb4 PRIMARY KEY", "'Äpfel 🍏'", "string:Äpfel 🍏"},
		{"id VARCHAR(20) CHARACTER SET latin1 PRIMARY KEY", "'Äpfel €'", "string:Äpfel €"},
		{"id VARCHAR(20) CHARACTER SET utf16 PRIMARY KEY", "'Äpfel 🍏'", "string:Äpfel 🍏"},
		{"id VARCHAR(20) PRIMARY KEY", "'trailing  '", "string:trailing  "},
		{"id VARCHAR(20) PRIMARY KEY", "''", "string:"},
		{"id CHAR(20) PRIMARY KEY", "'padded'", "string:padded"},
		{"id VARCHAR(768) CHARACTER SET utf8mb4 PRIMARY KEY", "'" + long + "'", "string:" + long},
		{"id VARCHAR(3072) CHARACTER SET latin1 PRIMARY KEY", "REPEAT('€', 3072)", "string:" + strings.Repeat("€", 3072)},
		{"id VARBINARY(3072) PRIMARY KEY", "REPEAT(x'00ff', 1536)", "bytes:" + strings.Repeat("00ff", 1536)},
		{"id VARBINARY(20) PRIMARY KEY", "x''", "bytes:"},
		{"id BINARY(4) PRIMARY KEY", "x'0102'", "bytes:01020000"},
		{"id DATE PRIMARY KEY", "'2026-01-31'", "string:2026-01-31"},
		{"id UUID PRIMARY KEY", "'F47AC10B-58cc-4372-a567-0e02b2c3d479'", "string:f47ac10b-58cc-4372-a567-0e02b2c3d479"},
		{"a INT, b VARCHAR(9), c VARBINARY(9), PRIMARY KEY (b, c, a)", "7, 'x|y''', x'285c'", "(string:x|y',bytes:285c,int64:7)"},
		{"a VARCHAR(384) CHARACTER SET utf8mb4, b VARCHAR(384) CHARACTER SET utf8mb4, PRIMARY KEY (a, b)", "'" + long[:768] + "', ''", "(string:" + long[:768] + ",string:)"},
		// Those that cannot be told apart by their looks.
		{"id DECIMAL(9,2) PRIMARY KEY", "1.5", "all"},
		{"id DOUBLE PRIMARY KEY", "1.5", "all"},
		{"id DATETIME PRIMARY KEY", "'2026-01-31 10:00:00'", "all"},
		{"id TIMESTAMP PRIMARY KEY", "'2026-01-31 10:00:00'", "all"},
		{"id TIME PRIMARY KEY", "'10:00:00'", "all"},
		{"id YEAR PRIMARY KEY", "2026", "all"},
		{"id ENUM('a', 'b') PRIMARY KEY", "'a'", "all"},
		{"id BIT(8) PRIMARY KEY", "5", "all"},
		{"id INT, v INT", "1, 2", "all"},
		{"a INT, b DOUBLE, PRIMARY KEY (a, b)", "1, 2", "all"},
		{"id TEXT, PRIMARY KEY (id(10))", "'x'", "all"},
	}
	db := server.MariaDB(t)
	for i, kind := range kinds {
		mustExec(t, db.DB(), fmt.Sprintf("CREATE TABLE t%d (%s)", i, kind.columns))
	}
	installAll(t, db.DB())
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	for i, kind := range kinds {
		t.Run(kind.columns, func(t *testing.T) {
			f := f.in(t)
			inserted, deleted := "I "+kind.want, "D "+kind.want
			if kind.want == "all" {
				inserted, deleted = "T all", "T all"
			}
			mustExec(t, db.DB(), fmt.Sprintf("INSERT INTO t%d VALUES (%s)", i, kind.values))
			f.expect(fmt.Sprintf("t%d %s", i, inserted))
			mustExec(t, db.DB(), fmt.Sprintf("DELETE FROM t%d", i))
			f.expect(fmt.Sprintf("t%d %s", i, deleted))
		})
	}
}

func TestKeysAreComparedByTheirBytes(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY)")
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	mustExec(t, db.DB(), "INSERT INTO t VALUES ('straße')")
	f.expect("t I string:straße")
	mustExec(t, db.DB(), "UPDATE t SET id = 'STRASSE'")
	f.expect("t U string:STRASSE", "t D string:straße")
	mustExec(t, db.DB(), "UPDATE t SET id = 'strasse'")
	f.expect("t U string:strasse", "t D string:STRASSE")
}

func TestForeignKeysMarkWhatTheyReach(t *testing.T) {
	db := newDB(t,
		"CREATE TABLE p (id INT PRIMARY KEY, code VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci UNIQUE, v INT)",
		"CREATE TABLE cascaded (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE, KEY (p))",
		"CREATE TABLE grand (id INT PRIMARY KEY, c INT, FOREIGN KEY (c) REFERENCES cascaded (id) ON DELETE SET NULL)",
		"CREATE TABLE great (id INT PRIMARY KEY, g INT, FOREIGN KEY (g) REFERENCES grand (id) ON DELETE CASCADE)",
		"CREATE TABLE nulled (id INT PRIMARY KEY, code VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, "+
			"FOREIGN KEY (code) REFERENCES p (code) ON UPDATE SET NULL ON DELETE SET NULL)",
		"CREATE TABLE restricted (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id))",
		"CREATE TABLE tree (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE)",
		"INSERT INTO p VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)",
		"INSERT INTO cascaded VALUES (10, 1), (11, 2)", "INSERT INTO grand VALUES (20, 10), (21, 11)", "INSERT INTO great VALUES (30, 20)",
		"INSERT INTO nulled VALUES (40, 'a'), (41, 'b')", "INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2)",
	)
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	for _, step := range []struct {
		statement string
		want      []string
	}{
		{"DELETE FROM p WHERE id = 1", []string{"p D int64:1", "cascaded T all", "grand T all", "nulled T all"}},
		{"UPDATE p SET v = 9 WHERE id = 2", []string{"p U int64:2"}},
		{"UPDATE p SET id = 5 WHERE id = 2", []string{"p U int64:5", "p D int64:2", "cascaded T all", "nulled T all"}},
		{"UPDATE p SET code = 'B' WHERE id = 5", []string{"p U int64:5", "cascaded T all", "nulled T all"}},
		{"REPLACE INTO p VALUES (3, 'z', 1)", []string{"p D int64:3", "p I int64:3", "cascaded T all", "grand T all", "nulled T all"}},
		{"DELETE FROM tree WHERE id = 1", []string{"tree D int64:1", "tree T all"}},
	} {
		mustExec(t, db.DB(), step.statement)
		f.expect(step.want...)
	}
}

// As text, a FLOAT has six digits: two that look alike are not the same to a
// foreign key.
func TestForeignKeysOnFloats(t *testing.T) {
	db := newDB(t, "CREATE TABLE p (id INT PRIMARY KEY, f FLOAT, KEY (f))",
		"CREATE TABLE c (id INT PRIMARY KEY, f FLOAT, FOREIGN KEY (f) REFERENCES p (f) ON UPDATE CASCADE)",
		"INSERT INTO p VALUES (1, 1.000001)", "INSERT INTO c SELECT 10, f FROM p")
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	mustExec(t, db.DB(), "UPDATE p SET f = 1.000002")
	var moved int
	if err := one(t.Context(), db.DB(), "SELECT COUNT(*) FROM c WHERE f > 1.0000015", &moved); err != nil || moved != 1 {
		t.Fatalf("%d rows were moved, %v", moved, err)
	}
	f.expect("p U int64:1", "c T all")
	mustExec(t, db.DB(), "UPDATE p SET f = f")
	f.expect("p U int64:1")
}

func TestWritersNeedNoRightsAndNoticeNothing(t *testing.T) {
	db := newDB(t,
		"CREATE TABLE auto (id INT AUTO_INCREMENT PRIMARY KEY, v INT)",
		"CREATE TABLE plain (id INT PRIMARY KEY, v INT)",
		"CREATE TABLE text (id VARCHAR(9) CHARACTER SET latin1 PRIMARY KEY)",
	)
	twin := newTwin(t,
		"CREATE TABLE auto (id INT AUTO_INCREMENT PRIMARY KEY, v INT)",
		"CREATE TABLE plain (id INT PRIMARY KEY, v INT)",
		"CREATE TABLE text (id VARCHAR(9) CHARACTER SET latin1 PRIMARY KEY)",
	)
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	for _, settings := range []string{
		"sql_mode = ''",
		"sql_mode = 'TRADITIONAL,ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,NO_ZERO_DATE'",
		"time_zone = '-11:00', character_set_client = 'latin1', collation_connection = 'latin1_german2_ci', character_set_results = 'cp1251'",
		"timestamp = 0.5, auto_increment_increment = 7, auto_increment_offset = 3",
		"tx_isolation = 'SERIALIZABLE', sql_safe_updates = 1",
	} {
		captured, free := unprivileged(t, db), unprivileged(t, twin)
		for _, conn := range []*sql.Conn{captured, free} {
			// What the protocol tells beside is another matter, see doc.go.
			mustExec(t, conn, "INSERT INTO plain VALUES (1000, 1)", "UPDATE plain SET v = LAST_INSERT_ID(77) WHERE id = 1000", "DELETE FROM plain")
			var last int
			if err := one(t.Context(), conn, "SELECT LAST_INSERT_ID()", &last); err != nil || last != 77 {
				t.Errorf("LAST_INSERT_ID() is %d, %v", last, err)
			}
		}
		for _, statement := range []string{
			"SET " + settings,
			"INSERT INTO plain VALUES (1, 1)",
			"INSERT INTO auto (v) VALUES (1)",
			"INSERT INTO plain VALUES (2, 1), (3, 1)",
			"INSERT INTO auto (v) VALUES (1), (2), (3)",
			"INSERT INTO auto (id, v) VALUES (1, 7) ON DUPLICATE KEY UPDATE v = 9, id = LAST_INSERT_ID(id)",
			"INSERT INTO plain VALUES (2, 1) ON DUPLICATE KEY UPDATE v = v + 1",
			"INSERT IGNORE INTO plain VALUES (2, 1), (4, 1)",
			"REPLACE INTO plain VALUES (2, 1)",
			"INSERT INTO plain SELECT id + 100, v FROM auto WHERE id = 1",
			"UPDATE auto SET v = v + 1 WHERE id > 0",
			"SET insert_id = 1",
			"INSERT INTO plain VALUES (50, 1)", // takes the id of a row of the log
			"INSERT INTO text VALUES ('\xc4\xd6')",
			"DELETE FROM plain WHERE id > 0", "DELETE FROM auto WHERE id > 0", "DELETE FROM text WHERE id > ''",
		} {
			got, want := answer(t, captured, statement), answer(t, free, statement)
			if got != strings.ReplaceAll(want, twin.Name(), db.Name()) {
				t.Errorf("SET %s; %s: %s; without capture %s", settings, statement, got, want)
			}
		}
	}
	changes := spell(f.poll())
	for _, want := range []string{"auto I int64:1", "plain U int64:1000", "plain D int64:101", "plain T all", "plain D int64:50"} {
		if !contains(changes, want) {
			t.Errorf("no change %s", want)
		}
	}
	if err := func() error {
		_, err := unprivileged(t, db).ExecContext(t.Context(), "SELECT * FROM livesql_log")
		return err
	}(); !failed(err, errTableAccess) {
		t.Errorf("the writer may read the log: %v", err)
	}
}

func TestRenamedKeyColumnDoesNotFailWrites(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)")
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	mustExec(t, db.DB(), "ALTER TABLE t CHANGE id pk INT")
	mustExec(t, db.DB(), "INSERT INTO t VALUES (2, 2)", "UPDATE t SET v = 3 WHERE pk = 2", "DELETE FROM t WHERE pk = 1")
	delta := f.look()
	if got := fmt.Sprint(spell(delta)); got != "[t T all]" || delta.Reset == "" {
		t.Errorf("changes %s, reset %q", got, delta.Reset)
	}
	if why := whyUncovered(t, db.DB(), "t"); !strings.Contains(why, "out of date") {
		t.Errorf("covered: %q", why)
	}
	installAll(t, db.DB())
	f.look()
	mustExec(t, db.DB(), "INSERT INTO t VALUES (7, 2)")
	f.expect("t I int64:7")
}
