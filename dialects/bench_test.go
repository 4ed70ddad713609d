package dialects

import (
	"strings"
	"testing"
)

var benchTexts = []struct{ name, text string }{
	{"point_select", "SELECT id, name, city FROM bakery WHERE id = $1"},
	{"upsert", "INSERT INTO bakery (id, name, city) VALUES ($1, $2, lower($3)) ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING id"},
	{"join", `WITH recent (id, total) AS (SELECT o.bakery_id, sum(o.total) FROM orders o WHERE o.day > $1 GROUP BY 1)
			SELECT b.id, b.name, r.total, count(*) OVER () FROM bakery b JOIN recent r ON r.id = b.id
			LEFT JOIN LATERAL (SELECT p.name FROM product p WHERE p.bakery_id = b.id ORDER BY p.price LIMIT 1) p ON true
			WHERE b.city IN (SELECT city FROM delivery WHERE fee < 5) ORDER BY r.total DESC LIMIT 20`},
	{"in_list_4KB", "SELECT id FROM bakery WHERE id IN (" + strings.Repeat("123456,", 570) + "1)"},
}

func benchCatalog() *Catalog {
	var objects []Object
	for _, name := range []string{"bakery", "orders", "product", "delivery", "customer", "invoice"} {
		objects = append(objects, Object{Table: Table{Schema: "public", Name: name}, Covered: true, Key: []KeyColumn{{"id", IntKey}}})
	}
	return NewCatalog(1, Postgres, objects)
}

// BenchmarkScanText is one look at the words of a text that was not seen
// before.
func BenchmarkScanText(b *testing.B) {
	for _, c := range benchTexts {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				ScanText(Postgres, c.text)
			}
		})
	}
}

// BenchmarkClauses is the same with the clauses.
func BenchmarkClauses(b *testing.B) {
	for _, c := range benchTexts {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				scanText(Postgres, c.text, true)
			}
		})
	}
}

// BenchmarkWords is one whole analysis. Its result is kept by the text
// afterwards.
func BenchmarkWords(b *testing.B) {
	catalog := benchCatalog()
	for _, c := range benchTexts {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				Words(Postgres, catalog, c.text)
			}
		})
	}
}

// BenchmarkMemo is an analysis of a text whose template was seen before.
func BenchmarkMemo(b *testing.B) {
	catalog := benchCatalog()
	for _, c := range append(benchTexts, struct{ name, text string }{"literal", "SELECT id, name, city FROM bakery WHERE id = 12345"}) {
		b.Run(c.name, func(b *testing.B) {
			m := NewMemo(Postgres, 100)
			b.ReportAllocs()
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				remember(m, catalog, c.text)
			}
		})
	}
}
