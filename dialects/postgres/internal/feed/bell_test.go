package feed

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects/postgres/internal/libpq"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// quickTimes make a bell notice within a test what takes it minutes else.
func quickTimes() times {
	return times{
		dial: 500 * time.Millisecond, answer: 500 * time.Millisecond,
		probe: 200 * time.Millisecond, doubt: time.Millisecond,
		again: 5 * time.Millisecond, most: 20 * time.Millisecond, deaf: 50 * time.Millisecond,
		sleep: 500 * time.Millisecond,
	}
}

// patience bounds what a test waits for.
const patience = 20 * time.Second

// until polls, and whenever the bell rings again, until the condition holds.
func (f *follower) until(what string, holds func() bool) {
	f.t.Helper()
	over := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		f.glance()
		if holds() {
			return
		}
		select {
		case <-f.reader.Bell():
		case <-tick.C:
		case <-over:
			f.t.Fatalf("waited for: %s; described as %q", what, f.reader.Describe())
		}
	}
}

func (f *follower) untilDescribed(as string) {
	f.t.Helper()
	f.until(as, func() bool { return f.reader.Describe() == as })
}

// untilAsleep polls until writers ring, and nobody is left who does not.
func (f *follower) untilAsleep() {
	f.t.Helper()
	f.until("it sleeps", func() bool { return f.reader.sleeper.asleep && !f.reader.sleeper.doubts() })
}

// silence empties the channel of rings.
func (f *follower) silence() {
	select {
	case <-f.reader.Bell():
	default:
	}
}

// untilRing waits for a ring, without polling.
func (f *follower) untilRing() {
	f.t.Helper()
	select {
	case <-f.reader.Bell():
	case <-time.After(patience):
		f.t.Fatalf("nobody rang; described as %q", f.reader.Describe())
	}
}

// followBell is follow with a bell whose connections go elsewhere.
func followBell(t *testing.T, d *server.Database, bellDSN string) *follower {
	t.Helper()
	f := &follower{t: t, backend: backendOf(t, libpq.Driver, listen.BackendConfig{Connector: connectorOf(t, d.SocketDSN()), DSN: d.SocketDSN()})}
	t.Cleanup(f.close)
	f.backend.times = quickTimes()
	f.connect()
	f.reader.bell = newBell(libpq.Driver, ownConnector(t, bellDSN), quickTimes())
	f.poll()
	return f
}

// listeners counts the sessions of a database other than that of db.
func listeners(t *testing.T, db *sql.DB) int {
	t.Helper()
	return fixtureValue[int](t, db, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ILIKE 'LISTEN%'")
}

func TestBellIsHeard(t *testing.T) {
	s := server.OwnPostgres(t, server.Setting("max_prepared_transactions", "0"))
	fresh := func(t *testing.T, bell listen.Bell) *server.Database {
		t.Helper()
		d := s.Database(t)
		fixtureExec(t, d.DB(), "CREATE TABLE item (id bigserial PRIMARY KEY)")
		fixtureInstallWith(t, d.DB(), listen.InstallOptions{Bell: bell})
		return d
	}
	const write = "INSERT INTO item DEFAULT VALUES"

	for _, bell := range []listen.Bell{listen.BellGated, listen.BellEvery} {
		t.Run("rings/"+string(bell), func(t *testing.T) {
			d := fresh(t, bell)
			f := follow(t, d.SocketDSN())
			f.untilDescribed("bell " + string(bell))
			f.untilAsleep()
			if got := f.reader.Pace().Max; got != 500*time.Millisecond {
				t.Errorf("with a bell it polls every %v", got)
			}
			f.silence()
			fixtureExec(t, d.DB(), write)
			f.untilRing()
			f.expect(f.glance(), "", "I item 1")
		})
	}

	t.Run("probes ring for nobody", func(t *testing.T) {
		d := fresh(t, listen.BellGated)
		f, other := follow(t, d.SocketDSN()), follow(t, d.SocketDSN())
		f.untilAsleep()
		f.silence()
		other.untilAsleep()
		fixtureExec(t, d.DB(), "SELECT pg_notify('livesql', 'probe:x')", "NOTIFY other", write)
		f.untilRing()
		f.silence()
		// One more, which comes after everything above.
		fixtureExec(t, d.DB(), write)
		f.untilRing()
		select {
		case <-f.reader.Bell():
			t.Error("one ring too many")
		default:
		}
	})

	t.Run("application", func(t *testing.T) {
		d := fresh(t, listen.BellApp)
		f, other := follow(t, d.SocketDSN()), follow(t, d.SocketDSN())
		f.untilDescribed("bell app")
		other.untilDescribed("bell app")
		f.silence()
		other.silence()
		fixtureExec(t, d.DB(), write)
		for range 2 {
			if err := f.reader.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			other.untilRing()
		}
		// Its own announcements it does not hear.
		self := fixtureValue[uint32](t, f.reader.own(), "SELECT pg_backend_pid()")
		b := newBell(libpq.Driver, nil, quickTimes())
		b.self = f.reader.bell.self
		b.hear(self)
		if len(b.rings) > 0 || b.takeRung() {
			t.Error("it rings for itself")
		}
		b.hear(self + 1)
		if len(b.rings) == 0 || !b.takeRung() {
			t.Error("it does not ring for others")
		}
	})

	t.Run("none", func(t *testing.T) {
		d := fresh(t, listen.BellPoll)
		f := follow(t, d.SocketDSN())
		f.glance()
		if err := f.reader.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := listeners(t, d.DB()); n != 0 {
			t.Errorf("%d sessions listen", n)
		}
		// The installation changes its mind, twice.
		fixtureInstallWith(t, d.DB(), listen.InstallOptions{Bell: listen.BellGated})
		f.untilDescribed("bell gated")
		fixtureInstallWith(t, d.DB(), listen.InstallOptions{Bell: listen.BellPoll})
		f.untilDescribed("no bell: installed without one")
		f.until("nobody listens", func() bool { return listeners(t, d.DB()) == 0 })
		fixtureInstallWith(t, d.DB(), listen.InstallOptions{Bell: listen.BellGated})
		f.untilDescribed("bell gated")
	})

	t.Run("without a data source name", func(t *testing.T) {
		d := fresh(t, listen.BellGated)
		f := followWith(t, listen.BackendConfig{Connector: connectorOf(t, d.SocketDSN())})
		f.untilDescribed("no bell: listening: lib/pq cannot listen without a data source name, and the program brought a connector instead")
		if got := f.reader.Pace().Max; got != 250*time.Millisecond {
			t.Errorf("without a bell it polls every %v", got)
		}
		fixtureExec(t, d.DB(), write)
		f.expect(f.glance(), "", "I item 1")
	})

	t.Run("silent", func(t *testing.T) {
		// A session of another database hears nothing, as one behind a pooler.
		d, deaf := fresh(t, listen.BellGated), s.Database(t)
		f := followBell(t, d, deaf.SocketDSN())
		f.untilDescribed("no bell: " + silent)
		if f.reader.bell.works() {
			t.Error("the bell counts as one that works")
		}
		// It is tried again, and found to work once it does.
		f.reader.bell.stop()
		f.reader.bell = newBell(libpq.Driver, ownConnector(t, d.SocketDSN()), quickTimes())
		f.untilDescribed("bell gated")
	})

	t.Run("faults", func(t *testing.T) {
		d := fresh(t, listen.BellGated)
		p := server.NewProxy(t, d.Addr())
		f := followBell(t, d, d.DSNVia(p.Addr()))
		rings := func(t *testing.T) {
			t.Helper()
			f.untilDescribed("bell gated")
			f.untilAsleep()
			f.silence()
			fixtureExec(t, d.DB(), write)
			f.untilRing()
		}
		broken := func() bool { return strings.HasPrefix(f.reader.Describe(), "no bell: ") }
		rings(t)
		for name, fault := range map[string]func(){
			"cut":        p.Reset,
			"half open":  func() { p.HalfOpen(server.ToServer) },
			"black hole": p.Blackhole,
			"refused": func() {
				if err := p.Refuse(); err != nil {
					t.Fatal(err)
				}
				p.Reset()
			},
		} {
			t.Run(name, func(t *testing.T) {
				before := p.Accepted()
				fault()
				// Polls go on, and fixtureExec's rows are found by them.
				if name == "cut" || name == "half open" {
					f.until("the bell dials again", func() bool { return p.Accepted() > before })
				} else {
					f.until("the fault is noticed", broken)
				}
				fixtureExec(t, d.DB(), write)
				if n := len(f.glance().Changes); n == 0 {
					t.Error("the poll found nothing")
				}
				if err := p.Heal(); err != nil {
					t.Fatal(err)
				}
				rings(t)
			})
		}
		// Rows that come without a ring make the bell test itself, long before
		// that is due.
		f.reader.bell.stop()
		patient := quickTimes()
		patient.probe = time.Hour
		f.reader.bell = newBell(libpq.Driver, ownConnector(t, d.DSNVia(p.Addr())), patient)
		rings(t)
		before := p.Accepted()
		p.HalfOpen(server.ToServer)
		f.until("the bell dials again", func() bool {
			fixtureExec(t, d.DB(), write)
			return p.Accepted() > before
		})
		rings(t)
		// Closing waits for nobody, even for a bell that is dead.
		f.reader.bell.stop()
		patient.dial, patient.answer = time.Hour, time.Hour
		f.reader.bell = newBell(libpq.Driver, ownConnector(t, d.DSNVia(p.Addr())), patient)
		rings(t)
		p.Blackhole()
		within(t, "closing", f.close)
	})
}

func TestBellThatIsNotProvenSavesNoPoll(t *testing.T) {
	r := &reader{found: present, mode: listen.BellGated, bell: newBell(libpq.Driver, nil, quickTimes())}
	if got := r.Pace().Max; got != 250*time.Millisecond {
		t.Errorf("without a proven bell it polls every %v", got)
	}
}

func TestNoBellWherePreparedTransactionsArePossible(t *testing.T) {
	d := captured(t) // on the shared server they are
	f := follow(t, d.SocketDSN())
	f.glance()
	if got, want := f.reader.Describe(), "no bell: the server allows prepared transactions, which a bell would break"; got != want {
		t.Errorf("described as %q, want %q", got, want)
	}
	if n := listeners(t, d.DB()); n != 0 {
		t.Errorf("%d sessions listen", n)
	}
}
