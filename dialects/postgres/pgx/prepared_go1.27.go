//go:build go1.27

package pgx

import (
	sqldriver "database/sql/driver"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// sentBinary reports whether the values of a column that is not text to pgx by itself came
// in binary, where the mode of the connection is one of texts: those of a query come so
// that was prepared on it, by whomever. Only the rows know. They scan with the map of their
// connection, which for that is one that says in what format it is asked; afterwards
// it is what it was. Before the first row is read it is there already, unless there is none:
// then nothing is ever scanned.
func sentBinary(types *pgtype.Map, rows *stdlib.Rows, column int) (binary bool) {
	askingMu.Lock()
	defer askingMu.Unlock()
	was := *types
	defer func() {
		*types = was
		_ = recover() // there is no row
	}()
	*types = *asking()
	return errors.Is(rows.ScanColumn(sqldriver.ScanContext{}, column, question), errBinary)
}

// question is a destination that pgx scans into by itself. It is never written to.
var question = new(struct{ _ int })

var errBinary = errors.New("it came in binary")

// askingMu guards what all connections share of the map that asks: pgx may come to keep
// there how it has scanned something, as it has done before.
var askingMu sync.Mutex

// asking is a map whose types answer. All connections share it.
var asking = sync.OnceValue(func() *pgtype.Map {
	types := pgtype.NewMap()
	for n := range uint32(asText) {
		if formatOf(n) == pgtype.BinaryFormatCode {
			types.RegisterType(&pgtype.Type{OID: n, Codec: answering{Codec: pgtype.TextCodec{}}})
		}
	}
	return types
})

// answering is a codec that scans nothing.
type answering struct{ pgtype.Codec }

func (answering) PlanScan(_ *pgtype.Map, _ uint32, format int16, _ any) pgtype.ScanPlan {
	return answer(format)
}

type answer int16

func (a answer) Scan([]byte, any) error {
	if a == pgtype.BinaryFormatCode {
		return errBinary
	}
	return nil
}
