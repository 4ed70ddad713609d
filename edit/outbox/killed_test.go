package outbox_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/lib/pq"
	_ "modernc.org/sqlite"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/outbox"
	"github.com/vantage-go/live/edit/sqlstore"
	"github.com/vantage-go/live/testdb/server"
)

// The tables of the test: a row for each save, one that is counted, and one
// that is written over and over.
type note struct {
	ID     int64  `db:"id,pk"`
	Tag    string `db:"tag"`
	Parent *int64 `db:"parent"`
}

type counter struct {
	ID int64 `db:"id,pk"`
	N  int64 `db:"n,merge=sum"`
}

type page struct {
	ID      int64 `db:"id,pk"`
	Body    int64 `db:"body"`
	Version int64 `db:"version,version"`
}

const (
	pages = 4
)

// site is a database with a writer.
type site struct {
	db       *sql.DB
	store    *sqlstore.Store
	writer   *edit.Writer
	notes    *edit.Editor[int64, note]
	counters *edit.Editor[int64, counter]
	pages    *edit.Editor[int64, page]
}

func openSite(ctx context.Context, driver, dsn string, opts ...edit.Option) (*site, error) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, err
	}
	flavor := map[string]dialects.Flavor{"postgres": dialects.Postgres, "mysql": dialects.MySQL, "sqlite": dialects.SQLite}[driver]
	s := &site{db: db, store: sqlstore.New(db, flavor, sqlstore.WithLedger())}
	s.writer = edit.NewWriter(s.store, opts...)
	notes, err1 := sqlstore.Table[note](ctx, s.store, "", "note")
	counters, err2 := sqlstore.Table[counter](ctx, s.store, "", "counter")
	written, err3 := sqlstore.Table[page](ctx, s.store, "", "page")
	if err := errors.Join(err1, err2, err3); err != nil {
		return s, err
	}
	s.notes, err1 = edit.NewEditor[int64, note](s.writer, notes)
	s.counters, err2 = edit.NewEditor[int64, counter](s.writer, counters)
	s.pages, err3 = edit.NewEditor[int64, page](s.writer, written)
	return s, errors.Join(err1, err2, err3)
}

func (s *site) close() {
	_ = s.writer.Close()
	_ = s.store.Close()
	_ = s.db.Close()
}

// TestMain runs the program that is killed, when it is called as that.
func TestMain(m *testing.M) {
	if driver := os.Getenv("OUTBOX_DRIVER"); driver != "" {
		open := openProgram
		if os.Getenv("OUTBOX_HANDLE") != "" {
			open = openHandle
		}
		if err := victim(open, driver, os.Getenv("OUTBOX_DSN"), os.Getenv("OUTBOX_FILE"), os.Getenv("OUTBOX_ROUND")); err != nil {
			fmt.Println("!", err)
			os.Exit(1)
		}
		return
	}
	verify(m)
}

// program is how a program saves.
type program struct {
	note    func(v note) *edit.RecordEdit[int64, note]
	counter func() (*edit.RecordEdit[int64, counter], error)
	page    func(id int64) (*edit.RecordEdit[int64, page], error)
	// replayed is what the one before has left.
	replayed []edit.Replayed
}

// openProgram opens a program with a writer of its own.
func openProgram(ctx context.Context, driver, dsn string, file *outbox.File) (*program, error) {
	s, err := openSite(ctx, driver, dsn, edit.WithOutbox(file))
	if err != nil {
		return nil, err
	}
	p := &program{
		note:    s.notes.New,
		counter: func() (*edit.RecordEdit[int64, counter], error) { return s.counters.Edit(ctx, 1) },
		page:    func(id int64) (*edit.RecordEdit[int64, page], error) { return s.pages.Edit(ctx, id) },
	}
	p.replayed, err = s.writer.Replay(ctx, s.notes, s.counters, s.pages)
	return p, err
}

// victim replays, and then saves until it is killed. It tells of each save when
// it is made, and when it is accepted.
func victim(open func(context.Context, string, string, *outbox.File) (*program, error), driver, dsn, path, round string) error {
	ctx := context.Background()
	file, err := outbox.Open(path, outbox.Wait(time.Minute))
	if err != nil {
		return err
	}
	p, err := open(ctx, driver, dsn, file)
	if err != nil {
		return err
	}
	var sayMu sync.Mutex
	out := bufio.NewWriter(os.Stdout)
	say := func(format string, args ...any) {
		sayMu.Lock()
		defer sayMu.Unlock()
		fmt.Fprintf(out, format+"\n", args...)
		_ = out.Flush()
	}
	for _, r := range p.replayed {
		if r.Err != nil {
			say("! %s %v %v: %v", r.Table, r.Kind, r.Values, r.Err)
		}
	}
	go func() { // ends when the parent does
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}()
	say("ready")
	var all sync.WaitGroup
	for n := range 3 {
		all.Go(func() {
			for i := 0; ; i++ {
				tag := fmt.Sprintf("%s-%d-%d", round, n, i)
				e := p.note(note{Tag: tag})
				say("made %s", tag)
				saving := e.SaveAsync()
				<-saving.Accepted()
				say("kept %s", tag)
				_ = e.Close()
				c, err := p.counter()
				if err != nil {
					say("! %v", err)
					return
				}
				c.V.N++
				say("made counter")
				q := c.SaveAsync()
				<-q.Accepted()
				say("kept counter")
				_ = c.Close()
				if i%5 == 0 {
					if _, err := saving.Wait(ctx); err != nil {
						say("! %v", err)
					}
				}
			}
		})
	}
	for n := range pages {
		all.Go(func() {
			e, err := p.page(int64(n + 1))
			if err != nil {
				say("! %v", err)
				return
			}
			for {
				e.V.Body++
				body := e.V.Body
				saving := e.SaveAsync()
				<-saving.Accepted()
				say("kept page %d %d", n+1, body)
				if body%7 == 0 {
					if _, err := saving.Wait(ctx); err != nil {
						say("! page %v", err)
					}
				}
			}
		})
	}
	all.Go(func() {
		for i := 0; ; i++ {
			tag := fmt.Sprintf("%s-g-%d", round, i)
			parent, child := p.note(note{Tag: tag}), p.note(note{Tag: tag + "c"})
			err := child.Link(&child.V.Parent, parent)
			if err == nil && i%2 == 0 {
				err = edit.Group(ctx, child, parent)
			} else if err == nil { // each by itself, the child after its parent
				parent.SaveAsync()
				saving := child.SaveAsync()
				<-saving.Accepted()
				say("kept %s", tag+"c")
				_, err = saving.Wait(ctx)
			}
			if err != nil {
				say("! %v", err)
			}
			_, _ = parent.Close(), child.Close()
		}
	})
	all.Wait()
	return nil
}

// TestKilled kills a program that saves, a few times, and looks at the
// database: what was accepted was done once, and nothing twice.
func TestKilled(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, k *killing) {
		t.Helper()
		k.prepare()
		k.ledger()
		k.rounds()
		k.judge()
	})
}

// onEngines runs a test on an empty database of each engine.
func onEngines(t *testing.T, test func(t *testing.T, k *killing)) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for driver, open := range map[string]func(tb testing.TB) string{
		"sqlite": func(tb testing.TB) string {
			tb.Helper()
			return server.SQLite(tb) + "?_pragma=journal_mode(wal)&_pragma=busy_timeout(20000)&_pragma=synchronous(normal)&_txlock=immediate"
		},
		"postgres": func(tb testing.TB) string {
			tb.Helper()
			return server.Postgres(tb).DSN()
		},
		"mysql": func(tb testing.TB) string {
			tb.Helper()
			c, err := mysql.ParseDSN(server.MariaDB(tb).DSN("parseTime=true"))
			if err != nil {
				tb.Fatal(err)
			}
			return c.FormatDSN()
		},
	} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			test(t, &killing{TB: t, exe: exe, driver: driver, dsn: open(t), file: filepath.Join(t.TempDir(), "saves"), kept: make(map[string]bool)})
		})
	}
}

// killing is a database with programs that are killed.
type killing struct {
	testing.TB
	exe, driver, dsn, file string
	handle                 bool // the programs open handles

	made, keptCounters int
	kept               map[string]bool
	pages              [pages + 1]int64
}

func (k *killing) exec(statements ...string) {
	k.Helper()
	db, err := sql.Open(k.driver, k.dsn)
	if err != nil {
		k.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, s := range statements {
		if _, err := db.ExecContext(context.Background(), s); err != nil {
			k.Fatalf("%s: %v", s, err)
		}
	}
}

func (k *killing) prepare() {
	k.Helper()
	counted := map[string]string{
		"sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT", "postgres": "BIGSERIAL PRIMARY KEY", "mysql": "BIGINT AUTO_INCREMENT PRIMARY KEY",
	}[k.driver]
	k.exec("CREATE TABLE note (id "+counted+", tag VARCHAR(60) NOT NULL, parent BIGINT)",
		"CREATE TABLE counter (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)",
		"CREATE TABLE page (id BIGINT PRIMARY KEY, body BIGINT NOT NULL, version BIGINT NOT NULL)",
		"INSERT INTO counter VALUES (1, 0)")
	for i := range pages {
		k.exec(fmt.Sprintf("INSERT INTO page VALUES (%d, 0, 1)", i+1))
	}
}

func (k *killing) ledger() {
	k.Helper()
	s, err := openSite(context.Background(), k.driver, k.dsn)
	if err == nil {
		err = s.store.InstallLedger(context.Background())
	}
	if err != nil {
		k.Fatal(err)
	}
	s.close()
}

// rounds kills programs.
func (k *killing) rounds() {
	k.Helper()
	rounds, busy := 4, 150*time.Millisecond
	if os.Getenv("LIVESQL_LONG") != "" {
		rounds, busy = 40, time.Second
	}
	for round := range rounds {
		k.kill(round, time.Duration(rand.Int64N(int64(busy))))
	}
}

// kill runs a program, and kills it after a while.
func (k *killing) kill(round int, after time.Duration) {
	k.Helper()
	cmd := exec.Command(k.exe)
	cmd.Env = append(os.Environ(), "OUTBOX_DRIVER="+k.driver, "OUTBOX_DSN="+k.dsn, "OUTBOX_FILE="+k.file, "OUTBOX_ROUND="+strconv.Itoa(round))
	if k.handle {
		cmd.Env = append(cmd.Env, "OUTBOX_HANDLE=1")
	}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		k.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		k.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		k.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	var timer *time.Timer
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 2 && lines.Text() != "ready" {
			continue
		}
		switch {
		case words[0] == "ready":
			timer = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		case words[0] == "!":
			k.Errorf("round %d: %s", round, lines.Text())
		case words[1] == "counter" && words[0] == "made":
			k.made++
		case words[1] == "counter":
			k.keptCounters++
		case words[0] == "kept" && words[1] == "page" && len(words) == 4:
			n, _ := strconv.Atoi(words[2])
			body, err := strconv.ParseInt(words[3], 10, 64)
			if err == nil && n <= pages {
				k.pages[n] = max(k.pages[n], body)
			}
		case words[0] == "kept":
			k.kept[words[1]] = true
		}
	}
	if timer == nil {
		k.Errorf("round %d: the program ended by itself", round)
	}
	_ = cmd.Wait()
}

// judge replays what is left, and compares the database with what was told.
func (k *killing) judge() {
	k.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	file := open(k, k.file, outbox.Wait(time.Minute))
	s, err := openSite(ctx, k.driver, k.dsn, edit.WithOutbox(file))
	if err != nil {
		k.Fatal(err)
	}
	defer s.close()
	left, err := s.writer.Replay(ctx, s.notes, s.counters, s.pages)
	if err != nil {
		k.Fatal(err)
	}
	for _, r := range left {
		if r.Err != nil {
			k.Errorf("replayed: %s %v %v: %v", r.Table, r.Kind, r.Values, r.Err)
		}
	}
	if err := s.writer.Shutdown(ctx); err != nil {
		k.Fatal(err)
	}
	if n, err := file.Len(); n != 0 || err != nil {
		k.Errorf("%d saves are left, %v", n, err)
	}
	times := make(map[string]int)
	ids := make(map[string]int64)
	parents := make(map[string]*int64)
	rows, err := s.db.QueryContext(ctx, "SELECT id, tag, parent FROM note")
	if err != nil {
		k.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var n note
		if err := rows.Scan(&n.ID, &n.Tag, &n.Parent); err != nil {
			k.Fatal(err)
		}
		times[n.Tag]++
		ids[n.Tag], parents[n.Tag] = n.ID, n.Parent
	}
	if err := rows.Err(); err != nil {
		k.Fatal(err)
	}
	for tag, n := range times {
		if n > 1 {
			k.Errorf("%s was saved %d times", tag, n)
		}
		if parent, isChild := strings.CutSuffix(tag, "c"); isChild && (parents[tag] == nil || *parents[tag] != ids[parent]) {
			k.Errorf("%s refers to %v, not to %d", tag, parents[tag], ids[parent])
		}
	}
	for tag := range k.kept {
		if times[tag] == 0 {
			k.Errorf("%s was accepted and is not there", tag)
		}
	}
	var count int
	if err := s.db.QueryRowContext(ctx, "SELECT n FROM counter").Scan(&count); err != nil || count < k.keptCounters || count > k.made {
		k.Errorf("counted %d of %d to %d, %v", count, k.keptCounters, k.made, err)
	}
	for i := range pages {
		var body int64
		query := fmt.Sprintf("SELECT body FROM page WHERE id = %d", i+1)
		if err := s.db.QueryRowContext(ctx, query).Scan(&body); err != nil || body < k.pages[i+1] {
			k.Errorf("page %d holds %d after %d was accepted, %v", i+1, body, k.pages[i+1], err)
		}
	}
	k.Logf("%s: %d rows, %d accepted, %d counted, %d replayed at the end", k.driver, len(times), len(k.kept), count, len(left))
}
