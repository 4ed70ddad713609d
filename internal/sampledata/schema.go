package sampledata

import "slices"

// Engine is a kind of SQL database.
type Engine string

// The engines. MySQL stands for MariaDB, too.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
	MySQL    Engine = "mysql"
)

// kind is a type of column, in terms that all engines share.
type kind int

const (
	serial  kind = iota // the integer primary key that the database counts up
	integer             // also a reference to a serial
	text                // with a maximal length
	money               // exact, two decimals
	ratio               // exact, two decimals, 0 to 1
	moment              // date and time of day without a zone
	boolean
)

type column struct {
	name     string
	kind     kind
	length   int    // of text, in characters
	null     bool   // may be NULL
	unique   bool   // has a unique index
	index    bool   // has an index
	refers   string // table with the id that this column holds
	cascades bool   // is deleted with what it refers to
}

type table struct {
	name    string
	columns []column
	key     []string // a primary key of several columns
	checks  []string // conditions in SQL that all engines understand
}

// tables is the schema; a table stands after those that it refers to.
var tables = []table{
	{name: "categories", columns: []column{
		{name: "id", kind: serial},
		{name: "name", kind: text, length: 15, unique: true},
		{name: "description", kind: text, length: 80, null: true},
	}},
	{name: "suppliers", columns: slices.Concat(
		[]column{{name: "id", kind: serial}},
		[]column{{name: "company_name", kind: text, length: 40, index: true}},
		contact,
	)},
	{name: "shippers", columns: []column{
		{name: "id", kind: serial},
		{name: "company_name", kind: text, length: 40},
		{name: "phone", kind: text, length: 24, null: true},
	}},
	{name: "products", columns: []column{
		{name: "id", kind: serial},
		{name: "name", kind: text, length: 40, index: true},
		{name: "supplier_id", kind: integer, refers: "suppliers"},
		{name: "category_id", kind: integer, refers: "categories"},
		{name: "quantity_per_unit", kind: text, length: 20, null: true},
		{name: "unit_price", kind: money},
		{name: "units_in_stock", kind: integer},
		{name: "units_on_order", kind: integer},
		{name: "reorder_level", kind: integer},
		{name: "discontinued", kind: boolean},
	}, checks: []string{"unit_price >= 0", "units_in_stock >= 0"}},
	{name: "customers", columns: slices.Concat(
		[]column{
			{name: "id", kind: serial},
			{name: "code", kind: text, length: 5, unique: true},
			{name: "company_name", kind: text, length: 40, index: true},
		},
		contact,
	)},
	{name: "orders", columns: []column{
		{name: "id", kind: serial},
		{name: "customer_id", kind: integer, refers: "customers"},
		{name: "shipper_id", kind: integer, refers: "shippers"},
		{name: "ordered_at", kind: moment, index: true},
		{name: "required_at", kind: moment},
		{name: "shipped_at", kind: moment, null: true},
		{name: "freight", kind: money},
		{name: "ship_name", kind: text, length: 40},
		{name: "ship_street", kind: text, length: 60},
		{name: "ship_city", kind: text, length: 15},
		{name: "ship_region", kind: text, length: 15, null: true},
		{name: "ship_postal_code", kind: text, length: 10, null: true},
		{name: "ship_country", kind: text, length: 15},
	}},
	{name: "order_details", columns: []column{
		{name: "order_id", kind: integer, refers: "orders", cascades: true},
		{name: "product_id", kind: integer, refers: "products"},
		{name: "unit_price", kind: money},
		{name: "quantity", kind: integer},
		{name: "discount", kind: ratio},
	}, key: []string{"order_id", "product_id"}, checks: []string{"quantity > 0", "discount BETWEEN 0 AND 1"}},
}

// contact are the columns that suppliers and customers have in common.
var contact = []column{
	{name: "contact_name", kind: text, length: 30, null: true},
	{name: "contact_title", kind: text, length: 30, null: true},
	{name: "street", kind: text, length: 60, null: true},
	{name: "city", kind: text, length: 15, null: true, index: true},
	{name: "region", kind: text, length: 15, null: true},
	{name: "postal_code", kind: text, length: 10, null: true},
	{name: "country", kind: text, length: 15, null: true},
	{name: "phone", kind: text, length: 24, null: true},
}

// views are the same in all engines.
var views = []string{
	`CREATE VIEW order_totals AS
	SELECT o.id AS order_id, o.customer_id, o.ordered_at, SUM(d.unit_price * d.quantity * (1 - d.discount)) AS total
	FROM orders o JOIN order_details d ON d.order_id = o.id
	GROUP BY o.id, o.customer_id, o.ordered_at`,
}
