package rowset_test

import (
	sqldriver "database/sql/driver"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vantage-go/live/internal/rowset"
)

// shapesOfRows are the results that benchmarks read.
func shapesOfRows(rows int) map[string]*script {
	text := result{names: []string{"id", "name", "margin"}}
	bytes := result{names: []string{"id", "body"}}
	for i := range rows {
		text.rows = append(text.rows, []sqldriver.Value{int64(i) + 1000, fmt.Sprint("name ", i), 12.5})
		bytes.rows = append(bytes.rows, []sqldriver.Value{int64(i) + 1000, []byte(strings.Repeat("x", 64))})
	}
	one := result{names: []string{"name"}}
	for range rows {
		one.rows = append(one.rows, []sqldriver.Value{[]byte("a name")})
	}
	return map[string]*script{
		fmt.Sprintf("name/%d", rows):  {results: []result{one}},
		fmt.Sprintf("text/%d", rows):  {results: []result{text}},
		fmt.Sprintf("bytes/%d", rows): {results: []result{bytes}},
	}
}

func each(b *testing.B, run func(b *testing.B, s *script)) {
	b.Helper()
	for _, n := range []int{1, 100} {
		scripts := shapesOfRows(n)
		for _, name := range slices.Sorted(maps.Keys(scripts)) {
			b.Run(name, func(b *testing.B) { run(b, scripts[name]) })
		}
	}
}

func drain(b *testing.B, rows sqldriver.Rows, dest []sqldriver.Value) {
	b.Helper()
	for {
		if err := rows.Next(dest); err != nil {
			if !is(err, io.EOF) {
				b.Fatal(err)
			}
			_ = rows.Close()
			return
		}
	}
}

// BenchmarkUnrecorded is the fake driver by itself.
func BenchmarkUnrecorded(b *testing.B) {
	each(b, func(b *testing.B, s *script) {
		b.Helper()
		b.ReportAllocs()
		dest := make([]sqldriver.Value, len(s.results[0].names))
		for b.Loop() {
			inner, _ := s.open()
			drain(b, inner, dest)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	each(b, func(b *testing.B, s *script) {
		b.Helper()
		b.ReportAllocs()
		dest := make([]sqldriver.Value, len(s.results[0].names))
		for b.Loop() {
			inner, _ := s.open()
			rows, _, _ := rowset.Record(inner, rowset.Budget{Bytes: 1 << 20})
			drain(b, rows, dest)
		}
	})
}

// BenchmarkStream records a result that outgrows its budget at once.
func BenchmarkStream(b *testing.B) {
	each(b, func(b *testing.B, s *script) {
		b.Helper()
		b.ReportAllocs()
		dest := make([]sqldriver.Value, len(s.results[0].names))
		for b.Loop() {
			inner, _ := s.open()
			rows, _, _ := rowset.Record(inner, rowset.Budget{})
			drain(b, rows, dest)
		}
	})
}

func BenchmarkReplay(b *testing.B) {
	each(b, func(b *testing.B, s *script) {
		b.Helper()
		set := record(b, s)
		b.ReportAllocs()
		dest := make([]sqldriver.Value, len(s.results[0].names))
		for b.Loop() {
			drain(b, set.Rows(), dest)
		}
	})
}

// BenchmarkReplayPacked plays back what is kept.
func BenchmarkReplayPacked(b *testing.B) {
	each(b, func(b *testing.B, s *script) {
		b.Helper()
		packed, shape, _ := record(b, s).Pack(nil, new(rowset.Shapes))
		b.ReportAllocs()
		dest := make([]sqldriver.Value, len(s.results[0].names))
		for b.Loop() {
			drain(b, packed.Rows(shape), dest)
		}
	})
}

// BenchmarkPack is what keeping adds to recording.
func BenchmarkPack(b *testing.B) {
	each(b, func(b *testing.B, s *script) {
		b.Helper()
		set, shapes := record(b, s), new(rowset.Shapes)
		b.ReportAllocs()
		for b.Loop() {
			set.Pack(nil, shapes)
		}
	})
}
