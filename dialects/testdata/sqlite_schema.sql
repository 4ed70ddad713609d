-- The tables behind sqlite.sql. Statements end with a line of two semicolons.
CREATE TABLE bakery (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT, profit_margin REAL, version INTEGER DEFAULT 0)
;;
CREATE TABLE product (id INTEGER PRIMARY KEY, bakery_id INTEGER, name TEXT, price REAL, data TEXT)
;;
CREATE TABLE orders (id INTEGER PRIMARY KEY, bakery_id INTEGER, product_id INTEGER, total REAL, day TEXT, note TEXT)
;;
CREATE TABLE "Weird Name" (a, "b c", [d e], `f g`)
;;
CREATE TABLE "select" ("from", "where")
;;
CREATE TABLE tree (id INTEGER PRIMARY KEY, parent INTEGER, label TEXT)
;;
CREATE TABLE one (x)
;;
CREATE TABLE kv (key TEXT PRIMARY KEY, value) WITHOUT ROWID
;;
CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT)
;;
CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent ON DELETE CASCADE)
;;
CREATE TABLE watched (id INTEGER PRIMARY KEY, a)
;;
CREATE TABLE audit (id INTEGER PRIMARY KEY, what)
;;
CREATE TRIGGER watched_insert AFTER INSERT ON watched BEGIN INSERT INTO audit (what) VALUES (new.a); END
;;
CREATE VIEW cheap AS SELECT id, name FROM product WHERE price < 2
;;
CREATE VIEW cheaper AS SELECT * FROM cheap WHERE id IN (SELECT product_id FROM orders)
;;
CREATE VIEW open_orders AS SELECT id, total FROM orders
;;
CREATE TRIGGER open_orders_insert INSTEAD OF INSERT ON open_orders BEGIN INSERT INTO orders (total) VALUES (new.total); END
;;
CREATE INDEX product_name ON product (name)
;;
CREATE TABLE Übung (wert)
;;
CREATE TABLE temp_like (temp, "update")
;;
CREATE TABLE 'quo''ted' (x)
