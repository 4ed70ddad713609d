package orm

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"
)

// sqlxShop is written for sqlx.
type sqlxShop struct{ db *sqlx.DB }

func newSQLX(db *sql.DB, e engine) (shop, error) { return &sqlxShop{sqlx.NewDb(db, e.bind)}, nil }

func (s *sqlxShop) Create(ctx context.Context, b *Bakery, loaves []Loaf) error {
	return s.within(ctx, func(tx *sqlx.Tx) (err error) {
		b.ID, err = s.insert(ctx, tx, "INSERT INTO bakery (name, city, margin, motto, opened) VALUES (:name, :city, :margin, :motto, :opened)", b)
		for i := range loaves {
			if err == nil {
				loaves[i].BakeryID = b.ID
				loaves[i].ID, err = s.insert(ctx, tx, "INSERT INTO loaf (bakery_id, name, price) VALUES (:bakery_id, :name, :price)", loaves[i])
			}
		}
		return err
	})
}

// insert inserts a row and returns its identifier.
func (s *sqlxShop) insert(ctx context.Context, tx *sqlx.Tx, text string, row any) (id int64, err error) {
	if s.db.DriverName() != "postgres" {
		res, err := tx.NamedExecContext(ctx, text, row)
		if err != nil {
			return 0, err
		}
		return res.LastInsertId()
	}
	query, args, err := tx.BindNamed(text+" RETURNING id", row)
	if err != nil {
		return 0, err
	}
	err = tx.GetContext(ctx, &id, query, args...)
	return id, err
}

func (s *sqlxShop) within(ctx context.Context, f func(*sqlx.Tx) error) error {
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (s *sqlxShop) Get(ctx context.Context, id int64) (b Bakery, err error) {
	err = s.db.GetContext(ctx, &b, s.db.Rebind("SELECT * FROM bakery WHERE id = ?"), id)
	return b, err
}

func (s *sqlxShop) Of(ctx context.Context, city string) (all []Bakery, err error) {
	err = s.db.SelectContext(ctx, &all, s.db.Rebind("SELECT * FROM bakery WHERE city = ? ORDER BY name"), city)
	return all, err
}

func (s *sqlxShop) Loaves(ctx context.Context, bakery int64) (all []Loaf, err error) {
	err = s.db.SelectContext(ctx, &all, s.db.Rebind("SELECT * FROM loaf WHERE bakery_id = ? ORDER BY id"), bakery)
	return all, err
}

// totals is the report for the libraries that leave SQL to the program.
const totals = "SELECT b.name, count(*) AS loaves, sum(l.price) AS price FROM bakery AS b JOIN loaf AS l ON l.bakery_id = b.id GROUP BY b.name ORDER BY b.name"

func (s *sqlxShop) Totals(ctx context.Context) (all []Total, err error) {
	err = s.db.SelectContext(ctx, &all, totals)
	return all, err
}

func (s *sqlxShop) Save(ctx context.Context, b *Bakery) error {
	_, err := s.db.NamedExecContext(ctx, "UPDATE bakery SET name = :name, city = :city, margin = :margin, motto = :motto, opened = :opened WHERE id = :id", b)
	return err
}

func (s *sqlxShop) Raise(ctx context.Context, city string, by int64, keep bool) (n int64, err error) {
	err = s.within(ctx, func(tx *sqlx.Tx) error {
		res, err := tx.ExecContext(ctx, tx.Rebind("UPDATE loaf SET price = price + ? WHERE bakery_id IN (SELECT id FROM bakery WHERE city = ?)"), by, city)
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err == nil && !keep {
			err = errUndo
		}
		return err
	})
	return n, err
}

func (s *sqlxShop) Delete(ctx context.Context, id int64) (int64, error) {
	res, err := s.db.ExecContext(ctx, s.db.Rebind("DELETE FROM bakery WHERE id = ?"), id)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
