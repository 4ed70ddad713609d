package torture

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vantage-go/live/listen"
)

// Engine is one kind of database that a run can be on.
type Engine struct {
	// name is what helper processes look it up by.
	name string
	// capture installs the change log.
	capture listen.Capturer
	// driver is the name of the plain driver, dialects are those of the two
	// judged handles. The first one is written through.
	driver   string
	dialects [2]string
	// dsn completes the data source name that a run is given.
	dsn func(string) string
	// begin is the statement that begins a writing transaction.
	begin string
	// numbered: the arguments of a text are $1, $2 and so on.
	numbered bool
	// crowded: two transactions can have written at the same time, and a
	// transaction that waits for its end does not keep others from writing.
	crowded bool
	// loose: DDL commits at once and takes no part in a transaction.
	loose bool
	// folds: of several changes of a row between two polls, the feed may tell
	// one.
	folds bool
	// marks is the table that the feed may tell of as a whole, since foreign keys
	// change rows of it without a trigger.
	marks string
	// deferred: the trigger that writes the table late does so at COMMIT.
	deferred bool
	// swaps: the table spare of a lane can take the place of its partition.
	swaps bool

	// schema creates the tables.
	schema func(Shape) []string
	// changes are the statements that change rows of a lane.
	changes func(*draw) []change
	// alterations change the schema and with it answers, noises leave them as
	// they are.
	alterations func(*draw, facts) []alteration
	noises      []string
	// sessions are the settings that a connection may have and that answers
	// depend on. The first one is that of a new connection.
	sessions []sessionSettings
	// spots are texts, with a verb for the lane, that read what such answers
	// are made of, whatever the settings.
	spots []string
	// placed are the questions that have other answers under other settings.
	placed func(lane int64) []question

	// aborted: the server ended a transaction for the sake of others.
	aborted func(error) bool
	// transient: a read failed because the schema changed under it, or was being
	// changed for too long.
	transient func(error) bool
}

// sessionSettings are statements that give a connection settings and take
// them away again.
type sessionSettings struct{ set, reset []string }

// engines are all engines by their names.
var engines = map[string]*Engine{}

func register(e Engine) *Engine {
	engines[e.name] = &e
	return &e
}

// The engines.
var (
	SQLite   = register(sqliteEngine())
	Postgres = register(postgresEngine("postgres", "pgx"))
	PGX      = register(postgresEngine("pgx", "postgres"))
	MariaDB  = register(mariaDBEngine())
)

// String returns the engine's name.
func (e *Engine) String() string { return e.name }

// bind writes the arguments of a text, all of them spelled ?, as the engine
// wants them.
func (e *Engine) bind(text string) string {
	if !e.numbered {
		return text
	}
	var b strings.Builder
	for i, part := range strings.Split(text, "?") {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(i))
		}
		b.WriteString(part)
	}
	return b.String()
}

// Shape is how large the tables are. They hold few rows, so that writers and
// readers meet on them.
//
// A lane is a set of rows with a history of its own. Each transaction belongs
// to one lane and takes its number from that lane's row, which it holds until
// it ends: within a lane transactions follow each other, and those of different
// lanes are open and commit at the same time, in the same tables.
type Shape struct {
	Lanes, Items, Groups int64
}

// shapeOf returns the shape for a number of lanes.
func shapeOf(lanes int) Shape {
	if lanes <= 1 {
		return Shape{Lanes: 1, Items: 16, Groups: 4}
	}
	return Shape{Lanes: int64(lanes), Items: 6, Groups: 2}
}

const (
	// stride is the distance between the numbers of two lanes.
	stride = 100
	parts  = 3 // of one item, at most
	pieces = 4 // of one lane, at most
)

func code(lane, n int64) string { return fmt.Sprintf("code %d", lane*stride+n) }

// draw draws the values of statements on one lane.
type draw struct {
	Shape
	lane    int64
	version int64
	intN    func(int64) int64
}

func (d *draw) item() int64  { return d.lane*stride + d.intN(d.Items) }
func (d *draw) group() int64 { return d.lane*stride + d.intN(d.Groups) }
func (d *draw) part() int64  { return d.intN(parts) }
func (d *draw) piece() int64 { return d.intN(pieces) }
func (d *draw) code() string { return code(d.lane, d.intN(d.Items)) }

// change is a statement that changes rows.
type change struct {
	text string
	args []any
	// returns: it is sent as a query.
	returns bool
}

// alteration is a statement that changes the schema of one lane.
type alteration struct {
	ddl []string
	// set are assignments to the columns of the lane's row of facts.
	set string
	// effect does to the contents of the lane what ddl does.
	effect func(*state)
}
