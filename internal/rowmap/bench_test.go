package rowmap_test

import (
	"database/sql"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/vantage-go/live/internal/rowmap"
)

// wide is a row of twenty columns.
type wide struct {
	ID       int64           `db:"id,pk"`
	Name     string          `db:"name"`
	Street   string          `db:"street"`
	City     string          `db:"city"`
	Country  string          `db:"country"`
	Note     *string         `db:"note"`
	Margin   *float64        `db:"margin"`
	Stock    int             `db:"stock"`
	Price    float64         `db:"price"`
	Active   bool            `db:"active"`
	Opened   time.Time       `db:"opened"`
	Changed  time.Time       `db:"changed"`
	Closed   *time.Time      `db:"closed"`
	Phone    sql.NullString  `db:"phone"`
	Seats    sql.Null[int64] `db:"seats"`
	Settings json.RawMessage `db:"settings"`
	Body     []byte          `db:"body"`
	Rank     int16           `db:"rank"`
	Kind     uint8           `db:"kind"`
	Version  int64           `db:"version,version"`
}

func wideRow() wide {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	return wide{
		ID: 1, Name: "Rye and Shine", Street: "Brivibas iela 1", City: "Riga", Country: "Latvia",
		Note: pointer("closed on Mondays"), Margin: pointer(0.25), Stock: 7, Price: 3.5, Active: true,
		Opened: at, Changed: at, Closed: &at, Phone: sql.NullString{String: "+371", Valid: true}, Seats: sql.Null[int64]{V: 12, Valid: true},
		Settings: json.RawMessage(`{"colour":"brown","tables":4}`), Body: []byte("0123456789abcdef"), Rank: 3, Kind: 2, Version: 9,
	}
}

func BenchmarkDiff(b *testing.B) {
	p := planFor[wide](b)
	x := wideRow()
	y := p.Clone(&x)
	b.ReportAllocs()
	for b.Loop() {
		if d := p.Diff(&x, y); !d.Empty() {
			b.Fatal("differs")
		}
	}
}

// BenchmarkDeepEqual is what a program would write without a plan.
func BenchmarkDeepEqual(b *testing.B) {
	p := planFor[wide](b)
	x := wideRow()
	y := p.Clone(&x).(*wide)
	b.ReportAllocs()
	for b.Loop() {
		if !reflect.DeepEqual(&x, y) {
			b.Fatal("differs")
		}
	}
}

func BenchmarkClone(b *testing.B) {
	p := planFor[wide](b)
	x := wideRow()
	b.ReportAllocs()
	for b.Loop() {
		_ = p.Clone(&x)
	}
}

func BenchmarkDiffUntyped(b *testing.B) {
	columns := make([]rowmap.Column, 20)
	x := make(map[string]any)
	for i := range columns {
		columns[i] = rowmap.Column{Name: string(rune('a' + i)), Kind: rowmap.Text}
		x[columns[i].Name] = "some text"
	}
	p, err := rowmap.Untyped(columns, nil)
	if err != nil {
		b.Fatal(err)
	}
	y := p.Clone(&x)
	b.ReportAllocs()
	for b.Loop() {
		if d := p.Diff(&x, y); !d.Empty() {
			b.Fatal("differs")
		}
	}
}
