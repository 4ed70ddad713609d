package orm

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/vantage-go/live/integration/orm/sqlc/mysql"
	"github.com/vantage-go/live/integration/orm/sqlc/postgres"
	"github.com/vantage-go/live/integration/orm/sqlc/sqlite"
)

// The types that sqlc generates for each engine differ in their names only.
type (
	bakeryRow interface {
		~struct {
			ID     int64
			Name   string
			City   string
			Margin float64
			Motto  sql.NullString
			Opened time.Time
		}
	}
	loafRow interface {
		~struct {
			ID       int64
			BakeryID int64
			Name     string
			Price    int64
		}
	}
	totalRow interface {
		~struct {
			Name   string
			Loaves int64
			Price  int64
		}
	}
	createBakery interface {
		~struct {
			Name   string
			City   string
			Margin float64
			Motto  sql.NullString
			Opened time.Time
		}
	}
	createLoaf interface {
		~struct {
			BakeryID int64
			Name     string
			Price    int64
		}
	}
	saveBakery interface {
		~struct {
			Name   string
			City   string
			Margin float64
			Motto  sql.NullString
			Opened time.Time
			ID     int64
		}
	}
	raise interface {
		~struct {
			Price int64
			City  string
		}
	}
)

// queries is what sqlc generates.
type queries[Q any, B bakeryRow, L loafRow, T totalRow, CB createBakery, CL createLoaf, S saveBakery, R raise] interface {
	WithTx(tx *sql.Tx) Q
	Close() error
	CreateBakery(ctx context.Context, arg CB) (int64, error)
	CreateLoaf(ctx context.Context, arg CL) (int64, error)
	GetBakery(ctx context.Context, id int64) (B, error)
	BakeriesOf(ctx context.Context, city string) ([]B, error)
	LoavesOf(ctx context.Context, bakeryID int64) ([]L, error)
	Totals(ctx context.Context) ([]T, error)
	SaveBakery(ctx context.Context, arg S) error
	Raise(ctx context.Context, arg R) (int64, error)
	DeleteBakery(ctx context.Context, id int64) (int64, error)
}

// sqlcShop is written for what sqlc generates, with prepared statements.
type sqlcShop[Q queries[Q, B, L, T, CB, CL, S, R], B bakeryRow, L loafRow, T totalRow, CB createBakery, CL createLoaf, S saveBakery, R raise] struct {
	db *sql.DB
	q  Q
}

func newSQLC(db *sql.DB, e engine) (shop, error) {
	ctx := context.Background()
	switch e.bind {
	case "postgres":
		q, err := postgres.Prepare(ctx, db)
		return sqlcShop[*postgres.Queries, postgres.Bakery, postgres.Loaf, postgres.TotalsRow, postgres.CreateBakeryParams, postgres.CreateLoafParams, postgres.SaveBakeryParams, postgres.RaiseParams]{db, q}, err
	case "mysql":
		q, err := mysql.Prepare(ctx, db)
		return sqlcShop[*mysql.Queries, mysql.Bakery, mysql.Loaf, mysql.TotalsRow, mysql.CreateBakeryParams, mysql.CreateLoafParams, mysql.SaveBakeryParams, mysql.RaiseParams]{db, q}, err
	default:
		q, err := sqlite.Prepare(ctx, db)
		return sqlcShop[*sqlite.Queries, sqlite.Bakery, sqlite.Loaf, sqlite.TotalsRow, sqlite.CreateBakeryParams, sqlite.CreateLoafParams, sqlite.SaveBakeryParams, sqlite.RaiseParams]{db, q}, err
	}
}

func (s sqlcShop[Q, B, L, T, CB, CL, S, R]) within(ctx context.Context, f func(Q) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(s.q.WithTx(tx)); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (s sqlcShop[Q, B, L, T, CB, CL, S, R]) Create(ctx context.Context, b *Bakery, loaves []Loaf) error {
	return s.within(ctx, func(q Q) (err error) {
		if b.ID, err = q.CreateBakery(ctx, CB(postgres.CreateBakeryParams{Name: b.Name, City: b.City, Margin: b.Margin, Motto: nullable(b.Motto), Opened: b.Opened})); err != nil {
			return err
		}
		for i := range loaves {
			loaves[i].BakeryID = b.ID
			if loaves[i].ID, err = q.CreateLoaf(ctx, CL(postgres.CreateLoafParams{BakeryID: b.ID, Name: loaves[i].Name, Price: loaves[i].Price})); err != nil {
				return err
			}
		}
		return nil
	})
}

func nullable(s *string) sql.NullString {
	if s == nil {
		return sql.NullString{}
	}
	return sql.NullString{String: *s, Valid: true}
}

func bakery(b postgres.Bakery) Bakery {
	out := Bakery{ID: b.ID, Name: b.Name, City: b.City, Margin: b.Margin, Opened: b.Opened}
	if b.Motto.Valid {
		out.Motto = &b.Motto.String
	}
	return out
}

func (s sqlcShop[Q, B, L, T, CB, CL, S, R]) Get(ctx context.Context, id int64) (Bakery, error) {
	b, err := s.q.GetBakery(ctx, id)
	return bakery(postgres.Bakery(b)), err
}

func (s sqlcShop[Q, B, L, T, CB, CL, S, R]) Of(ctx context.Context, city string) (all []Bakery, err error) {
	rows, err := s.q.BakeriesOf(ctx, city)
	for _, b := range rows {
		all = append(all, bakery(postgres.Bakery(b)))
	}
	return all, err
}

func (s sqlcShop[Q, B, L, T, CB, CL, S, R]) Loaves(ctx context.Context, bakery int64) (all []Loaf, err error) {
	rows, err := s.q.LoavesOf(ctx, bakery)
	for _, l := range rows {
		all = append(all, Loaf(postgres.Loaf(l)))
	}
	return all, err
}

func (s sqlcShop[Q, B, L, T, CB, CL, S, R]) Totals(ctx context.Context) (all []Total, err error) {
	rows, err := s.q.Totals(ctx)
	for _, t := range rows {
		all = append(all, Total(postgres.TotalsRow(t)))
	}
	return all, err
}

func (s sqlcShop[Q, B, L, T, CB, CL, S, R]) Save(ctx context.Context, b *Bakery) error {
	return s.q.SaveBakery(ctx, S(postgres.SaveBakeryParams{Name: b.Name, City: b.City, Margin: b.Margin, Motto: nullable(b.Motto), Opened: b.Opened, ID: b.ID}))
}

func (s sqlcShop[Q, B, L, T, CB, CL, S, R]) Raise(ctx context.Context, city string, by int64, keep bool) (n int64, err error) {
	err = s.within(ctx, func(q Q) (err error) {
		if n, err = q.Raise(ctx, R(postgres.RaiseParams{Price: by, City: city})); err == nil && !keep {
			err = errUndo
		}
		return err
	})
	return n, err
}

func (s sqlcShop[Q, B, L, T, CB, CL, S, R]) Delete(ctx context.Context, id int64) (int64, error) {
	return s.q.DeleteBakery(ctx, id)
}

// Close closes the prepared statements.
func (s sqlcShop[Q, B, L, T, CB, CL, S, R]) Close() error { return s.q.Close() }
