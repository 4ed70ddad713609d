// Package testdb runs code that uses livesql in tests, without a database.
//
//	func TestPrices(t *testing.T) {
//		m := testdb.Mock(t, testdb.Tables("bakery"))
//		m.ExpectQuery("SELECT margin FROM bakery").WillReturnRows(m.NewRows([]string{"margin"}).AddRow(0.2))
//
//		shop.Margin(m.DB.DB) // asks the mock
//		shop.Margin(m.DB.DB) // is answered from memory: no expectation is met
//
//		m.Feed.Change("bakery") // as if another program had written
//		m.ExpectQuery("SELECT margin FROM bakery").WillReturnRows(m.NewRows([]string{"margin"}).AddRow(0.3))
//		shop.Margin(m.DB.DB) // asks again
//	}
//
// # The mock
//
// [Mock] is a livesql handle over go-sqlmock. Expectations work as they do on
// the *sql.DB of go-sqlmock: livesql sends no statement, no Ping and no Prepare
// of its own. What it does is to leave out those reads that it can answer from
// memory, and to read the rows of a read that it keeps to their end at once,
// so that RowsWillBeClosed says nothing about the code under test there. A
// statement that names none of [Tables] is never kept.
//
// # The scripted feed
//
// The change feed is the real one, over a change log that the test writes; see
// [Feed]. Its methods return when the cache has taken in what they did, so
// tests neither sleep nor poll. The lease is an hour, unless [Options] says
// otherwise: a test that runs slowly has the same hits as a fast one.
//
// [Scripted] puts the same feed behind a connector of a real database.
//
// # Who imports it
//
// Tests in packages named …_test: testdb imports livesql. Package testdb/server,
// which starts real servers, and package testdb/conform import nothing above
// what they test.
package testdb
