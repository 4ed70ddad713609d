package orm

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Bakery is a row, as every library reads and writes it.
type Bakery struct {
	ID     int64     `bun:"id,pk,autoincrement" db:"id" gorm:"primaryKey"`
	Name   string    `bun:"name" db:"name"`
	City   string    `bun:"city" db:"city"`
	Margin float64   `bun:"margin" db:"margin"`
	Motto  *string   `bun:"motto" db:"motto"`
	Opened time.Time `bun:"opened" db:"opened"`
}

// TableName is the table's name, for gorm.
func (Bakery) TableName() string { return "bakery" }

// Loaf is a row that belongs to a bakery.
type Loaf struct {
	ID       int64  `bun:"id,pk,autoincrement" db:"id" gorm:"primaryKey"`
	BakeryID int64  `bun:"bakery_id" db:"bakery_id"`
	Name     string `bun:"name" db:"name"`
	Price    int64  `bun:"price" db:"price"`
}

// TableName is the table's name, for gorm.
func (Loaf) TableName() string { return "loaf" }

// Total is a row of a report.
type Total struct {
	Name   string `bun:"name" db:"name"`
	Loaves int64  `bun:"loaves" db:"loaves"`
	Price  int64  `bun:"price" db:"price"`
}

// shop is the program's way to its database, written for one library.
type shop interface {
	// Create inserts a bakery with its loaves, in one transaction, and sets
	// their identifiers.
	Create(ctx context.Context, b *Bakery, loaves []Loaf) error
	Get(ctx context.Context, id int64) (Bakery, error)
	Of(ctx context.Context, city string) ([]Bakery, error)
	Loaves(ctx context.Context, bakery int64) ([]Loaf, error)
	Totals(ctx context.Context) ([]Total, error)
	Save(ctx context.Context, b *Bakery) error
	// Raise raises the prices of a city, in a transaction that it commits
	// only if keep is true.
	Raise(ctx context.Context, city string, by int64, keep bool) (int64, error)
	Delete(ctx context.Context, id int64) (int64, error)
}

// errUndo makes a transaction roll back.
var errUndo = errors.New("orm: not meant")

// transcript is what the program prints.
type transcript struct {
	strings.Builder
	shop shop
	ids  []int64
}

// trade is the program. Each look reads everything several times, as pages of
// a shop do.
func trade(ctx context.Context, s shop) (string, error) {
	t := &transcript{shop: s}
	motto := "Rye & shine"
	opened := time.Date(1998, 4, 1, 6, 30, 0, 0, time.UTC)
	if err := t.look(ctx); err != nil { // nothing is there
		return "", err
	}
	for i, b := range []Bakery{
		{Name: "Āgenskalns", City: "Riga", Margin: 0.125, Motto: &motto, Opened: opened},
		{Name: "Lāči", City: "Riga", Margin: 0.25, Opened: opened.AddDate(1, 2, 3)},
		{Name: "Ķelmēni", City: "Rauna", Margin: 0.5, Opened: opened.AddDate(0, 0, -1)},
	} {
		loaves := []Loaf{{Name: "rye", Price: int64(200 + i)}, {Name: "white", Price: int64(150 + i)}}
		if err := s.Create(ctx, &b, loaves); err != nil {
			return "", err
		}
		t.ids = append(t.ids, b.ID)
		t.printf("created %d with %d and %d", b.ID, loaves[0].ID, loaves[1].ID)
		if err := t.look(ctx); err != nil {
			return "", err
		}
	}
	b, err := s.Get(ctx, t.ids[1])
	if err != nil {
		return "", err
	}
	b.Name, b.Margin, b.Motto = "Lāču maize", 0.375, &motto
	steps := []func() error{
		func() error { return s.Save(ctx, &b) },
		func() error { return t.raise(ctx, "Riga", 5, true) },
		func() error { return t.raise(ctx, "Riga", 1000, false) },
		func() error {
			err := s.Create(ctx, &Bakery{Name: "Lāču maize", City: "Riga", Opened: opened}, nil)
			t.printf("a second one of that name: %v", err)
			if err == nil {
				return errors.New("orm: two of one name")
			}
			return nil
		},
		func() error {
			n, err := s.Delete(ctx, t.ids[0])
			t.printf("deleted %d", n)
			return err
		},
		func() error {
			n, err := s.Delete(ctx, t.ids[0])
			t.printf("deleted %d", n)
			return err
		},
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return "", fmt.Errorf("orm: step %d: %w", i, err)
		}
		if err := t.look(ctx); err != nil {
			return "", err
		}
	}
	return t.String(), nil
}

func (t *transcript) printf(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

func (t *transcript) raise(ctx context.Context, city string, by int64, keep bool) error {
	n, err := t.shop.Raise(ctx, city, by, keep)
	t.printf("raised %d by %d: %v", n, by, err)
	if keep || errors.Is(err, errUndo) {
		return nil
	}
	return fmt.Errorf("orm: the transaction was not rolled back: %w", err)
}

// looks is how often everything is read between two steps.
const looks = 4

// look reads everything that there is, and what was there.
func (t *transcript) look(ctx context.Context) error {
	for range looks {
		for _, id := range append(t.ids, 1000) {
			b, err := t.shop.Get(ctx, id)
			switch {
			case errors.Is(err, sql.ErrNoRows):
				t.printf("  no %d", id)
			case err != nil:
				return err
			default:
				t.printf("  %d %s", id, b)
			}
			loaves, err := t.shop.Loaves(ctx, id)
			if err != nil {
				return err
			}
			t.printf("  %v", loaves)
		}
		for _, city := range []string{"Riga", "Rauna", "Tartu"} {
			all, err := t.shop.Of(ctx, city)
			if err != nil {
				return err
			}
			t.printf("  %s: %v", city, all)
		}
		totals, err := t.shop.Totals(ctx)
		if err != nil {
			return err
		}
		t.printf("  %v", totals)
	}
	return nil
}

func (b Bakery) String() string {
	motto := "-"
	if b.Motto != nil {
		motto = *b.Motto
	}
	return fmt.Sprintf("%d %q in %q, %v, %q, %v", b.ID, b.Name, b.City, b.Margin, motto, b.Opened.UTC())
}

// The schemas, by the name of the engine.
var (
	//go:embed sqlc/schema/postgres.sql
	postgresSchema string
	//go:embed sqlc/schema/mysql.sql
	mysqlSchema string
	//go:embed sqlc/schema/sqlite.sql
	sqliteSchema string
)
