package orm

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// gormShop is written for gorm.
type gormShop struct{ db *gorm.DB }

func newGorm(db *sql.DB, e engine) (shop, error) {
	dialector := map[string]gorm.Dialector{
		"postgres": postgres.New(postgres.Config{Conn: db}),
		"mysql":    mysql.New(mysql.Config{Conn: db}),
		"sqlite3":  sqlite.New(sqlite.Config{Conn: db}),
	}[e.bind]
	g, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	return &gormShop{g}, err
}

func (s *gormShop) Create(ctx context.Context, b *Bakery, loaves []Loaf) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(b).Error; err != nil || len(loaves) == 0 {
			return err
		}
		for i := range loaves {
			loaves[i].BakeryID = b.ID
		}
		return tx.Create(&loaves).Error
	})
}

func (s *gormShop) Get(ctx context.Context, id int64) (b Bakery, err error) {
	err = s.db.WithContext(ctx).First(&b, id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = sql.ErrNoRows
	}
	return b, err
}

func (s *gormShop) Of(ctx context.Context, city string) (all []Bakery, err error) {
	err = s.db.WithContext(ctx).Where("city = ?", city).Order("name").Find(&all).Error
	return all, err
}

func (s *gormShop) Loaves(ctx context.Context, bakery int64) (all []Loaf, err error) {
	err = s.db.WithContext(ctx).Where(&Loaf{BakeryID: bakery}).Order("id").Find(&all).Error
	return all, err
}

func (s *gormShop) Totals(ctx context.Context) (all []Total, err error) {
	err = s.db.WithContext(ctx).Table("bakery AS b").Joins("JOIN loaf AS l ON l.bakery_id = b.id").
		Select("b.name, count(*) AS loaves, sum(l.price) AS price").Group("b.name").Order("b.name").Scan(&all).Error
	return all, err
}

func (s *gormShop) Save(ctx context.Context, b *Bakery) error {
	return s.db.WithContext(ctx).Save(b).Error
}

func (s *gormShop) Raise(ctx context.Context, city string, by int64, keep bool) (n int64, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		res := tx.Model(&Loaf{}).Where("bakery_id IN (?)", tx.Model(&Bakery{}).Select("id").Where("city = ?", city)).
			Update("price", gorm.Expr("price + ?", by))
		if n = res.RowsAffected; res.Error == nil && !keep {
			return errUndo
		}
		return res.Error
	})
	return n, err
}

func (s *gormShop) Delete(ctx context.Context, id int64) (int64, error) {
	res := s.db.WithContext(ctx).Delete(&Bakery{}, id)
	return res.RowsAffected, res.Error
}
