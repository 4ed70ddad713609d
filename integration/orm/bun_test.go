package orm

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"
)

// bunShop is written for bun, which writes values into the text.
type bunShop struct{ db *bun.DB }

func newBun(db *sql.DB, e engine) (shop, error) {
	dialect := map[string]schema.Dialect{
		"postgres": pgdialect.New(), "mysql": mysqldialect.New(), "sqlite3": sqlitedialect.New(),
	}[e.bind]
	return &bunShop{bun.NewDB(db, dialect)}, nil
}

func (s *bunShop) Create(ctx context.Context, b *Bakery, loaves []Loaf) error {
	return s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewInsert().Model(b).ModelTableExpr("bakery").Exec(ctx); err != nil {
			return err
		}
		for i := range loaves {
			loaves[i].BakeryID = b.ID
			if _, err := tx.NewInsert().Model(&loaves[i]).ModelTableExpr("loaf").Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *bunShop) Get(ctx context.Context, id int64) (b Bakery, err error) {
	err = s.db.NewSelect().Model(&b).ModelTableExpr("bakery AS bakery").Where("id = ?", id).Scan(ctx)
	return b, err
}

func (s *bunShop) Of(ctx context.Context, city string) (all []Bakery, err error) {
	err = s.db.NewSelect().Model(&all).ModelTableExpr("bakery AS bakery").Where("city = ?", city).Order("name").Scan(ctx)
	return all, err
}

func (s *bunShop) Loaves(ctx context.Context, bakery int64) (all []Loaf, err error) {
	err = s.db.NewSelect().Model(&all).ModelTableExpr("loaf AS loaf").Where("bakery_id = ?", bakery).Order("id").Scan(ctx)
	return all, err
}

func (s *bunShop) Totals(ctx context.Context) (all []Total, err error) {
	err = s.db.NewSelect().TableExpr("bakery AS b").Join("JOIN loaf AS l ON l.bakery_id = b.id").
		Column("b.name").ColumnExpr("count(*) AS loaves").ColumnExpr("sum(l.price) AS price").
		Group("b.name").Order("b.name").Scan(ctx, &all)
	return all, err
}

func (s *bunShop) Save(ctx context.Context, b *Bakery) error {
	_, err := s.db.NewUpdate().Model(b).ModelTableExpr("bakery").Where("id = ?", b.ID).Exec(ctx)
	return err
}

func (s *bunShop) Raise(ctx context.Context, city string, by int64, keep bool) (n int64, err error) {
	err = s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		res, err := tx.NewUpdate().Table("loaf").Set("price = price + ?", by).
			Where("bakery_id IN (?)", tx.NewSelect().Table("bakery").Column("id").Where("city = ?", city)).Exec(ctx)
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

func (s *bunShop) Delete(ctx context.Context, id int64) (int64, error) {
	res, err := s.db.NewDelete().Table("bakery").Where("id = ?", id).Exec(ctx)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
