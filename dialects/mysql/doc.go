// Package mysql opens MySQL and MariaDB with github.com/go-sql-driver/mysql,
// under the names "mysql" and livesql-mysql.
//
// This version passes everything through to the database: the change feed is
// not there yet, and DB.Explain says so.
package mysql
