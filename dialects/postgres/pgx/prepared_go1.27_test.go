//go:build go1.27

package pgx

import (
	"context"
	sqldriver "database/sql/driver"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/vantage-go/live/testdb/server"
)

// TestTypesOfWhatIsPrepared: the server is asked for binary for what was prepared, in the
// modes of texts, too. The map of the connection stays as it is.
func TestTypesOfWhatIsPrepared(t *testing.T) {
	d := server.Postgres(t)
	for _, mode := range []string{"exec", "simple_protocol"} {
		conn, err := connectorOf(t, d.DSN("default_query_exec_mode="+mode)).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		types := conn.(*stdlib.Conn).Conn().TypeMap()
		types.RegisterType(&pgtype.Type{Name: "own", OID: pgtype.Int4OID, Codec: pgtype.Int4Codec{}})
		for query, column := range map[string]string{
			"SELECT 'x'::text, 1": "int4", "SELECT 'x'::text, NULL::bytea": "bytea", "SELECT 'x'::text, true": "bool",
			"SELECT 'x'::text, 2::oid": "oid", "SELECT 'x'::text, now()": "timestamptz",
		} {
			oid := map[string]uint32{
				"int4": pgtype.Int4OID, "bytea": pgtype.ByteaOID, "bool": pgtype.BoolOID, "oid": pgtype.OIDOID, "timestamptz": pgtype.TimestamptzOID,
			}[column]
			plainly := func() (sqldriver.Rows, error) {
				return conn.(sqldriver.QueryerContext).QueryContext(t.Context(), query, nil)
			}
			told(t, conn, plainly, asText+oid)
			stmt, err := conn.(sqldriver.ConnPrepareContext).PrepareContext(t.Context(), query)
			if err != nil {
				t.Fatal(err)
			}
			told(t, conn, func() (sqldriver.Rows, error) {
				return stmt.(sqldriver.StmtQueryContext).QueryContext(context.Background(), nil)
			}, oid)
			told(t, conn, plainly, oid)
			if err := stmt.Close(); err != nil {
				t.Error(err)
			}
			told(t, conn, plainly, asText+oid)
		}
		if own, ok := types.TypeForOID(pgtype.Int4OID); !ok || own.Name != "own" {
			t.Error("the connection has another map")
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// told requires the number of the type of the second of two columns.
func told(t *testing.T, conn sqldriver.Conn, query func() (sqldriver.Rows, error), want uint32) {
	t.Helper()
	rows, err := query()
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	numbers := make([]uint32, 2)
	if !(columns{}).Types(conn, rows, numbers) || numbers[0] != pgtype.TextOID || numbers[1] != want {
		t.Errorf("%d, want %d", numbers, want)
	}
	if err := rows.Next(make([]sqldriver.Value, 2)); err != nil {
		t.Errorf("the row is not there afterwards: %v", err)
	}
}
