-- One statement a line, in SQLite's dialect, over the tables of
-- sqlite_schema.sql. Those that SQLite refuses are skipped by the tests.

-- plain reads
SELECT 1
SELECT NULL, 'x', x'00ff', 1.5, .5, 1., 1e5, 0x1F
SELECT * FROM bakery
SELECT id, name FROM bakery WHERE id = ?
SELECT id, name FROM bakery WHERE id = ?1 AND city = ?2
SELECT id FROM bakery WHERE city = :city OR city = @city OR city = $city
SELECT bakery.* FROM bakery
SELECT b.id FROM bakery b
SELECT b.id FROM bakery AS b
SELECT b.id FROM main.bakery AS b
SELECT main.bakery.id FROM main.bakery
SELECT "b"."id" FROM "bakery" AS "b"
SELECT `b`.`id` FROM `bakery` AS `b`
SELECT [b].[id] FROM [bakery] AS [b]
SELECT b.id FROM 'bakery' AS 'b'
SELECT b.id FROM 'main'.'bakery' b
SELECT b.id FROM main.'bakery' b
SELECT b.id FROM 'main'.bakery b
SELECT count(*) FROM bakery
SELECT count(*) FROM BAKERY
SELECT Count(DISTINCT city) FROM Bakery
SELECT rowid, oid, _rowid_ FROM bakery
SELECT DISTINCT city FROM bakery
SELECT ALL city FROM bakery
SELECT id id2 FROM bakery
SELECT id "id 2" FROM bakery
SELECT id 'id 3' FROM bakery
SELECT id AS 'select' FROM bakery
SELECT * FROM "Weird Name"
SELECT "b c", [d e], `f g` FROM [weird name]
SELECT * FROM 'Weird Name'
SELECT * FROM "select"
SELECT "from", [where] FROM `select`
SELECT "where" FROM 'select' WHERE "from" = 'from'
SELECT * FROM Übung
SELECT wert FROM "Übung"
SELECT * FROM "quo'ted"
SELECT * FROM 'quo''ted'
SELECT temp, "update" FROM temp_like
SELECT temp_like."update" FROM temp_like
SELECT temp.temp FROM temp_like temp
SELECT temp.temp FROM temp_like AS temp WHERE temp."update" = 1
SELECT key, value FROM kv
SELECT key FROM kv WHERE value BETWEEN 1 AND 2
SELECT 'update bakery', 'DELETE FROM bakery; DROP TABLE bakery' FROM one
SELECT "update" FROM (SELECT 1 AS "update")
SELECT /* DELETE FROM bakery; */ id FROM bakery -- ; DROP TABLE bakery
SELECT id -- a comment
SELECT 1 -- only
SELECT id /* ' */ FROM bakery /* " */
SELECT 'it''s', "it""s" FROM (SELECT 1 AS "it""s")
SELECT '\' FROM bakery
SELECT id FROM bakery WHERE name = '\'
SELECT id FROM bakery;
SELECT * FROM sqlite_schema
SELECT name FROM sqlite_master WHERE type = 'table'
SELECT name FROM main.sqlite_schema

-- clauses
SELECT id FROM bakery WHERE city IS NULL AND NOT (profit_margin > 0.5 OR name IS NOT NULL)
SELECT id FROM bakery WHERE city ISNULL OR city NOTNULL OR city NOT NULL
SELECT id FROM bakery WHERE city IS DISTINCT FROM 'Riga'
SELECT id FROM bakery WHERE name LIKE 'a%' ESCAPE '\'
SELECT id FROM bakery WHERE name NOT LIKE 'a%' AND city GLOB 'R*'
SELECT id FROM bakery WHERE name LIKE ('a' || '%')
SELECT id FROM bakery WHERE like('a%', name)
SELECT id FROM bakery WHERE (id, name) = (1, 'x')
SELECT id FROM bakery WHERE (id, name) IN (SELECT id, name FROM product)
SELECT id FROM bakery ORDER BY name COLLATE NOCASE DESC NULLS LAST LIMIT 10 OFFSET 5
SELECT id FROM bakery ORDER BY (name) LIMIT (10)
SELECT id FROM bakery LIMIT 5, 10
SELECT city, count(*) FROM bakery GROUP BY city HAVING count(*) > 1
SELECT city, count(*) FROM bakery GROUP BY (city) HAVING (count(*) > 1)
SELECT CASE city WHEN 'Riga' THEN 1 WHEN 'Oslo' THEN 2 ELSE 3 END FROM bakery
SELECT CASE WHEN (city) THEN (1) ELSE (2) END FROM bakery
SELECT CAST(id AS TEXT), CAST(name AS VARCHAR(10)), CAST(id AS NUMERIC(10, 2)) FROM bakery
SELECT id + 1, id - 1, id * 2, id / 2, id % 2, id << 1, id >> 1, id & 1, id | 1, ~id, -id, +id FROM bakery
SELECT id||name||city FROM bakery
SELECT id-- comment
SELECT 5 - -1, 5 - - 1
SELECT data->'$.a', data->>'$.b' FROM product
SELECT EXISTS (SELECT 1 FROM bakery), NOT EXISTS (SELECT 1 FROM product)
SELECT (SELECT max(price) FROM product) AS top
SELECT (SELECT name FROM product WHERE product.bakery_id = bakery.id LIMIT 1) FROM bakery
SELECT id FROM bakery INDEXED BY x
SELECT id FROM product INDEXED BY product_name WHERE name = 'x'
SELECT id FROM bakery NOT INDEXED
SELECT id FROM bakery WHERE id IN (1, 2, 3)
SELECT id FROM bakery WHERE id IN ()
SELECT id FROM bakery WHERE id IN (SELECT bakery_id FROM orders)
SELECT id FROM bakery WHERE id IN one
SELECT id FROM bakery WHERE id NOT IN one
SELECT id FROM bakery WHERE id IN 'one'
SELECT id FROM bakery WHERE id IN "one"
SELECT id FROM bakery WHERE id IN main.one
SELECT id FROM bakery WHERE id IN main.'one'
SELECT id FROM bakery WHERE id NOT IN 'main'.'one'
SELECT id FROM bakery WHERE name IN ('product', 'orders') AND id IN 'one'
SELECT 'product', 'orders' FROM 'bakery', 'one'
SELECT 1 IN one
SELECT 1 WHERE 2 IN 'one'

-- joins
SELECT * FROM bakery, product
SELECT * FROM bakery, 'product'
SELECT * FROM 'bakery', 'product', "orders"
SELECT * FROM bakery b, product p WHERE b.id = p.bakery_id
SELECT * FROM bakery JOIN product ON bakery.id = product.bakery_id
SELECT * FROM bakery JOIN 'product' ON bakery.id = bakery_id
SELECT * FROM 'bakery' JOIN 'product' JOIN 'orders'
SELECT * FROM bakery INNER JOIN product USING (id)
SELECT * FROM bakery JOIN product USING (id, name)
SELECT * FROM bakery LEFT JOIN product ON (bakery.id = product.bakery_id)
SELECT * FROM bakery LEFT OUTER JOIN product ON bakery.id = product.bakery_id
SELECT * FROM bakery RIGHT JOIN product ON bakery.id = product.bakery_id
SELECT * FROM bakery FULL OUTER JOIN product ON bakery.id = product.bakery_id
SELECT * FROM bakery CROSS JOIN product
SELECT * FROM bakery NATURAL JOIN product
SELECT * FROM bakery NATURAL LEFT JOIN product
SELECT * FROM (bakery JOIN product ON bakery.id = product.bakery_id)
SELECT * FROM (bakery, product), orders
SELECT * FROM ('bakery', 'product'), 'orders'
SELECT * FROM ('bakery' JOIN ('product' JOIN 'orders'))
SELECT * FROM (('bakery'))
SELECT * FROM bakery JOIN ('product' JOIN orders ON product_id = orders.id) ON 1
SELECT * FROM bakery JOIN product ON bakery.name = 'x', 'one'
SELECT * FROM bakery JOIN product ON bakery.name = 'orders', one
SELECT * FROM bakery JOIN product ON likely('orders'), 'one'
SELECT * FROM bakery b JOIN product p ON p.bakery_id = b.id JOIN orders o ON o.product_id = p.id WHERE o.total > 5
SELECT * FROM (SELECT id FROM bakery) AS x JOIN (SELECT id FROM product) AS y ON x.id = y.id
SELECT * FROM (SELECT id FROM bakery) x, (SELECT id FROM 'product') y
SELECT * FROM (VALUES (1, 2), (3, 4))
SELECT * FROM (VALUES ('bakery'), ('product')) AS v
SELECT column1 FROM (VALUES (1), (2))
SELECT * FROM bakery AS product, product AS bakery
SELECT * FROM bakery a, bakery b, bakery c

-- views
SELECT * FROM cheap
SELECT id FROM cheaper
SELECT id FROM 'cheaper' WHERE id IN cheap
SELECT o.id FROM open_orders o JOIN cheap c ON c.id = o.id

-- set operations
SELECT id FROM bakery UNION SELECT id FROM product
SELECT id FROM bakery UNION ALL SELECT id FROM 'product'
SELECT id FROM bakery INTERSECT SELECT id FROM product
SELECT id FROM bakery EXCEPT SELECT id FROM product ORDER BY 1
SELECT id FROM bakery UNION SELECT id FROM product UNION ALL SELECT id FROM orders EXCEPT SELECT x FROM one
SELECT 'bakery' UNION SELECT 'product' FROM 'one'
VALUES (1, 2), (3, 4)
VALUES ((SELECT id FROM bakery), 'product')
VALUES (1) UNION SELECT id FROM bakery
SELECT id FROM bakery UNION VALUES (1)

-- common table expressions
WITH x AS (SELECT id FROM bakery) SELECT * FROM x
WITH x (a) AS (SELECT id FROM bakery) SELECT a FROM x
WITH x (a, b) AS (VALUES (1, 2)) SELECT a, b FROM x
WITH bakery AS (SELECT id FROM product) SELECT * FROM bakery
WITH product AS (SELECT * FROM main.bakery) SELECT * FROM product
WITH x AS (SELECT 1), y AS (SELECT * FROM x, bakery) SELECT * FROM y
WITH x AS MATERIALIZED (SELECT id FROM bakery) SELECT * FROM x
WITH x AS NOT MATERIALIZED (SELECT id FROM bakery) SELECT * FROM x
WITH x(a) AS MATERIALIZED (SELECT id FROM bakery), y(b) AS NOT MATERIALIZED (SELECT 1) SELECT * FROM x, y
WITH RECURSIVE cnt(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM cnt WHERE n < 10) SELECT n FROM cnt
WITH RECURSIVE cnt(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM cnt LIMIT 5) SELECT n FROM cnt, bakery
WITH RECURSIVE down(id, depth) AS (SELECT id, 0 FROM tree WHERE parent IS NULL UNION ALL SELECT t.id, depth + 1 FROM tree t JOIN down d ON t.parent = d.id) SELECT * FROM down
WITH 'x' AS (SELECT id FROM 'bakery') SELECT * FROM 'x'
WITH "x y" ("a b") AS (SELECT id FROM bakery) SELECT "a b" FROM "x y"
WITH recursive AS (SELECT id FROM bakery) SELECT * FROM recursive
WITH x AS (WITH y AS (SELECT id FROM product) SELECT * FROM y) SELECT * FROM x
SELECT * FROM (WITH y(a) AS (SELECT id FROM product) SELECT a FROM y)
SELECT (WITH y AS (SELECT id FROM product) SELECT max(id) FROM y)
WITH x AS (SELECT 1) VALUES ((SELECT * FROM x))
WITH replace AS (SELECT id FROM bakery) SELECT * FROM replace
WITH filter(a) AS (SELECT 1) SELECT * FROM filter

-- functions
SELECT abs(id), coalesce(name, city), hex(name), ifnull(city, ''), iif(id, 1, 2), instr(name, 'a'), length(name) FROM bakery
SELECT lower(name), upper(name), ltrim(name), rtrim(name), trim(name, 'x'), max(id, 2), min(id, 2), nullif(id, 1) FROM bakery
SELECT replace(name, 'a', 'b'), Replace (city, 'update', 'delete') FROM bakery
SELECT (replace(name, 'a', 'b')), 1 + replace(name, '1', '2') FROM bakery
SELECT printf('%d', id), format('%s', name), quote(name), round(profit_margin, 2), sign(id), soundex(name) FROM bakery
SELECT substr(name, 1, 2), substring(name, 2), typeof(id), unicode(name), char(65), zeroblob(4), likelihood(id, 0.5) FROM bakery
SELECT sum(total), avg(total), total(total), count(*), group_concat(note, ','), max(total), min(total) FROM orders
SELECT group_concat(DISTINCT note) FROM orders
SELECT group_concat(note ORDER BY id) FROM orders
SELECT string_agg(note, ',' ORDER BY day DESC) FROM orders
SELECT count(*) FILTER (WHERE total > 5) FROM orders
SELECT row_number() OVER (), rank() OVER (ORDER BY total), lag(total, 1, 0) OVER (PARTITION BY day ORDER BY id) FROM orders
SELECT sum(total) OVER w, first_value(id) OVER (w ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM orders WINDOW w AS (PARTITION BY (day) ORDER BY (id))
SELECT sum(total) FILTER (WHERE note IS NOT NULL) OVER (ORDER BY id GROUPS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES) FROM orders
SELECT json_extract(data, '$.a'), json_array(1, 2), json_object('a', 1), json_type(data), json_valid(data) FROM product
SELECT json_group_array(name), json_group_object(name, price) FROM product
SELECT value FROM json_each('[1,2]')
SELECT product.id, j.value FROM product, json_each(product.data) j
SELECT product.id, j.value FROM product, json_each(product.data, '$.a') AS j WHERE j.key = 'bakery'
SELECT * FROM product JOIN json_tree(product.data) ON 1
SELECT date('now'), time(), datetime('now', 'localtime'), julianday('now'), strftime('%Y', day), unixepoch() FROM orders
SELECT CURRENT_DATE, CURRENT_TIME, CURRENT_TIMESTAMP
SELECT current_timestamp, id FROM bakery
SELECT random(), randomblob(4), changes(), total_changes(), last_insert_rowid(), sqlite_version()
SELECT sqrt(4), pow(2, 3), sin(1), pi(), ln(2), floor(1.5), mod(5, 3)
SELECT "lower"(name), [upper](name), `abs`(id) FROM bakery
SELECT unlikely(id = 1), iif(1, (SELECT 1 FROM one), 2) FROM bakery
SELECT name FROM pragma_table_info('bakery')
SELECT * FROM pragma_table_info WHERE arg = 'bakery'
SELECT m.name, p.name FROM sqlite_schema m, pragma_table_info(m.name) p

-- writes
INSERT INTO bakery (name) VALUES ('x')
INSERT INTO bakery VALUES (1, 'a', 'b', 1.5, 0)
INSERT INTO 'bakery' ('name', 'city') VALUES ('x', 'y'), ('z', 'w')
INSERT INTO main.bakery (name) SELECT name FROM product
INSERT INTO bakery (name) SELECT name FROM 'product' WHERE id IN 'one'
INSERT INTO bakery DEFAULT VALUES
INSERT OR IGNORE INTO bakery (name) VALUES ('x')
INSERT OR REPLACE INTO bakery (id, name) VALUES (1, 'x')
INSERT OR ROLLBACK INTO bakery (name) VALUES ('x')
INSERT OR ABORT INTO bakery (name) VALUES ('x')
INSERT OR FAIL INTO bakery (name) VALUES ('x')
REPLACE INTO bakery (id, name) VALUES (1, 'x')
REPLACE INTO 'bakery' (id, name) SELECT id, name FROM product
INSERT INTO bakery AS b (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = b.version + 1 WHERE b.version < 5
INSERT INTO bakery (id, name) VALUES (1, 'x') ON CONFLICT DO NOTHING
INSERT INTO bakery (id, name) SELECT id, name FROM product WHERE true ON CONFLICT (id) DO UPDATE SET (name, city) = (excluded.name, 'x')
INSERT INTO bakery (name) VALUES (upper('x')) RETURNING id, lower(name)
INSERT INTO bakery (name) VALUES ((SELECT name FROM product LIMIT 1)) RETURNING *
INSERT INTO watched (a) VALUES (1)
INSERT INTO open_orders (total) VALUES (1)
INSERT INTO child (parent_id) VALUES (1)
UPDATE bakery SET name = 'x'
UPDATE bakery SET name = 'x', city = upper(city) WHERE id = ?
UPDATE 'bakery' SET 'name' = 'x'
UPDATE main.bakery AS b SET name = 'x' WHERE b.id = 1
UPDATE OR IGNORE bakery SET id = id + 1
UPDATE OR REPLACE bakery SET id = id + 1
UPDATE bakery SET (name, city) = (SELECT name, 'x' FROM product WHERE product.bakery_id = bakery.id)
UPDATE bakery SET name = p.name FROM product p WHERE p.bakery_id = bakery.id
UPDATE bakery SET name = p.name FROM 'product' p, 'orders' o WHERE p.bakery_id = bakery.id
UPDATE bakery SET name = 'x' WHERE id IN (SELECT bakery_id FROM orders) RETURNING id
UPDATE bakery SET name = CASE WHEN id = 1 THEN 'a' ELSE 'b' END
DELETE FROM bakery
DELETE FROM 'bakery'
DELETE FROM bakery WHERE id = 1 RETURNING *
DELETE FROM bakery AS b WHERE b.id = 1
DELETE FROM bakery WHERE EXISTS (SELECT 1 FROM orders WHERE orders.bakery_id = bakery.id)
DELETE FROM bakery WHERE id IN 'one'
DELETE FROM parent
DELETE FROM parent WHERE id = 1
UPDATE parent SET id = 2
WITH x AS (SELECT id FROM product) DELETE FROM bakery WHERE id IN (SELECT id FROM x)
WITH x AS (SELECT id FROM product) DELETE FROM bakery WHERE id IN x
WITH x (a) AS (SELECT id FROM product) UPDATE bakery SET version = (SELECT max(a) FROM x)
WITH x AS (SELECT name FROM product) INSERT INTO bakery (name) SELECT name FROM x
WITH x AS (SELECT 1 AS id, 'n' AS name) REPLACE INTO bakery (id, name) SELECT id, name FROM x
WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < 3) INSERT INTO one SELECT n FROM x
WITH x AS (SELECT 1), y AS NOT MATERIALIZED (SELECT 2) DELETE FROM one
/* SELECT */ DELETE FROM bakery
-- a comment that a line of this file cannot hold
DELETE /* x */ FROM bakery WHERE name = '-- no comment'
DELETE FROM bakery WHERE name = '/*' OR city = '*/'

-- schema
CREATE TABLE new1 (id INTEGER PRIMARY KEY, a TEXT DEFAULT 'x', b REFERENCES bakery(id))
CREATE TABLE IF NOT EXISTS bakery (x)
CREATE TABLE new2 AS SELECT * FROM bakery
CREATE TABLE 'new3' AS SELECT * FROM 'bakery', 'product'
CREATE TABLE main.new4 (a) STRICT
CREATE TABLE new5 (a INT, b INT GENERATED ALWAYS AS (a * 2) STORED, CHECK (a > 0), UNIQUE (a, b)) WITHOUT ROWID
CREATE TEMP TABLE new6 (a)
CREATE TEMPORARY TABLE new7 AS SELECT * FROM bakery
CREATE TABLE temp.new8 (a)
CREATE VIEW new9 AS SELECT * FROM bakery
CREATE TEMP VIEW new10 AS SELECT * FROM bakery
CREATE VIEW new11 (a, b) AS SELECT id, name FROM 'bakery'
CREATE INDEX new12 ON bakery (name, city DESC)
CREATE UNIQUE INDEX new13 ON bakery (lower(name)) WHERE id > 5
CREATE INDEX 'new14' ON 'bakery' ('name')
CREATE TRIGGER new15 AFTER INSERT ON bakery BEGIN UPDATE product SET price = 1; DELETE FROM orders; END
CREATE TRIGGER new16 BEFORE UPDATE OF name ON bakery FOR EACH ROW WHEN new.name <> old.name BEGIN SELECT CASE WHEN new.id > 5 THEN raise(ABORT, 'no') END; END
CREATE TRIGGER new17 INSTEAD OF DELETE ON cheap BEGIN DELETE FROM product WHERE id = old.id; END
CREATE TEMP TRIGGER new18 AFTER DELETE ON bakery BEGIN INSERT INTO audit (what) VALUES (old.id); END
DROP TABLE one
DROP TABLE IF EXISTS 'one'
DROP TABLE IF EXISTS nothing
DROP VIEW cheap
DROP INDEX product_name
DROP TRIGGER watched_insert
ALTER TABLE bakery RENAME TO shop
ALTER TABLE bakery RENAME COLUMN name TO title
ALTER TABLE bakery ADD COLUMN extra TEXT DEFAULT 'x'
ALTER TABLE bakery DROP COLUMN version
REINDEX
REINDEX bakery
ANALYZE
ANALYZE bakery
VACUUM
VACUUM INTO 'file'
INSERT INTO sqlite_schema (name) VALUES ('x')
DELETE FROM sqlite_sequence

-- session and transactions
BEGIN
BEGIN TRANSACTION
BEGIN IMMEDIATE
BEGIN EXCLUSIVE TRANSACTION
BEGIN DEFERRED TRANSACTION x
COMMIT
END TRANSACTION
ROLLBACK
ROLLBACK TO x
ROLLBACK TRANSACTION TO SAVEPOINT 'x'
SAVEPOINT x
SAVEPOINT 'x y'
RELEASE x
RELEASE SAVEPOINT x
ATTACH ':memory:' AS extra
ATTACH DATABASE ':memory:' AS 'extra'
DETACH extra
PRAGMA user_version
PRAGMA user_version = 5
PRAGMA user_version(5)
PRAGMA main.user_version = 5
PRAGMA table_info(bakery)
PRAGMA table_info('bakery')
PRAGMA journal_mode
PRAGMA journal_mode = DELETE
PRAGMA foreign_keys = ON
PRAGMA case_sensitive_like = 1
PRAGMA data_version
PRAGMA application_id = 7
PRAGMA frobnicate = 1
PRAGMA optimize
PRAGMA wal_checkpoint
EXPLAIN SELECT * FROM bakery
EXPLAIN QUERY PLAN DELETE FROM bakery

-- what SQLite refuses, or means otherwise than it looks
SELECT * FROM bakery FOR UPDATE
SELECT * INTO x FROM bakery
(SELECT * FROM bakery)
TABLE bakery
TRUNCATE bakery
MERGE INTO bakery USING product ON 1 WHEN MATCHED THEN DELETE
WITH x AS (INSERT INTO bakery (name) VALUES ('x') RETURNING id) SELECT * FROM x
WITH x AS (DELETE FROM bakery RETURNING id) SELECT * FROM x
SELECT id FROM bakery WHERE id = (DELETE FROM product RETURNING id)
SELECT * FROM (UPDATE bakery SET name = 'x' RETURNING id)
SELECT 1; 
SELECT $a(b), $c::d(e)
SELECT #1
SELECT id FROM bakery WHERE name = "riga"
SELECT "no such column"
SELECT 1 FROM bakery WHERE "bakery" = 'product'
SELECT 'bakery'.'id' FROM bakery
SELECT 'bakery'.id FROM 'bakery'
SELECT main.'bakery'.name FROM main.'bakery'
SELECT count(*) FROM bakery AS 'product', 'orders' AS one
SELECT insert FROM bakery
SELECT replace FROM (SELECT 1 AS replace)
SELECT "replace" FROM (SELECT 1 AS replace)
SELECT begin, end, commit FROM (SELECT 1 AS begin, 2 AS end, 3 AS rollback)
SELECT first, last, match, plan, query FROM (SELECT 1 AS first, 2 AS last, 3 AS match, 4 AS plan, 5 AS query)
SELECT a.b FROM (SELECT 1 AS b) a
SELECT a. b, a . b, a .b FROM (SELECT 1 AS b) a
SELECT id FROM bakery WHERE city IN (SELECT 'a', 'b' FROM 'one')
SELECT id FROM bakery WHERE city IN (SELECT 'one')
SELECT id FROM bakery WHERE city IN (VALUES ('one'), ('two'))
SELECT id FROM bakery GROUP BY 'one', 'two'
SELECT id FROM bakery ORDER BY 'one', (SELECT x FROM 'one')
SELECT max('one', 'two'), ('one'), ('one', 'two') = ('a', 'b') FROM bakery
SELECT id FROM bakery UNION SELECT 'one' FROM 'one', 'kv' WHERE 'product' = 'orders'
SELECT x FROM ('one'), (SELECT 'kv')
SELECT x FROM 'one' AS a, ('kv' AS b), main.'product' AS c
SELECT x FROM one LEFT JOIN 'kv' ON x = key AND value IN 'one' RIGHT JOIN 'product'
