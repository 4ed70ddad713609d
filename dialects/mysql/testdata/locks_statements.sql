-- Joins, of every notation.

SELECT o.id, c.name FROM orders o, customer c WHERE o.customer = c.id

SELECT orders.id FROM orders JOIN line ON line.id = orders.id STRAIGHT_JOIN region

SELECT c.id FROM customer c LEFT JOIN (orders o, line l) ON o.customer = c.id AND l.orders = o.id

SELECT c.id FROM (region r, product p) JOIN customer c ON c.region = r.id CROSS JOIN counter

SELECT v.id FROM region r RIGHT JOIN v_order v ON v.id = r.id WHERE v.total > 3

SELECT c.id FROM customer c FORCE INDEX FOR JOIN (PRIMARY) JOIN region r IGNORE INDEX (PRIMARY) ON r.id = c.id

SELECT a.id FROM { OJ customer a LEFT OUTER JOIN line b ON a.id = b.id }

SELECT customer.id FROM customer NATURAL JOIN region

-- Subqueries, everywhere.

SELECT CASE WHEN EXISTS (SELECT 1 FROM line) THEN (SELECT MAX(n) FROM counter) ELSE 0 END FROM sink

SELECT id FROM orders ORDER BY (SELECT name FROM customer WHERE id = orders.customer)

SELECT IF((SELECT COUNT(*) FROM region) > 1, id, 0) FROM product

SELECT id FROM customer WHERE (id, name) IN (SELECT id, name FROM product) OR id = ANY (SELECT id FROM line) OR id <> ALL (SELECT n FROM counter)

SELECT customer, COUNT(*) FROM orders GROUP BY customer WITH ROLLUP HAVING COUNT(*) > (SELECT MIN(id) FROM product)

SELECT d.x FROM (SELECT (SELECT MAX(id) FROM tree) AS x FROM sink) d, line

SELECT x.id FROM (SELECT id FROM customer UNION SELECT id FROM line) x JOIN (SELECT id FROM region) y ON x.id = y.id

SELECT ((SELECT (SELECT (SELECT MAX(id) FROM tree)))) FROM sink

SELECT COALESCE((SELECT id FROM v_updatable LIMIT 1), (SELECT id FROM v_cte LIMIT 1)) FROM sink

SELECT SUM(qty) OVER (PARTITION BY customer ORDER BY id) FROM orders

-- Common table expressions that hide tables, and do not.

WITH customer AS (SELECT id FROM product) SELECT * FROM customer

WITH x AS (SELECT 1), y AS (SELECT * FROM line) SELECT COUNT(*) FROM y, x

WITH RECURSIVE r AS (SELECT id, parent FROM tree WHERE id = 1 UNION SELECT t.id, t.parent FROM tree t, r WHERE t.parent = r.id) SELECT * FROM r

WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT r.n, product.id FROM r, product

WITH a AS (WITH b AS (SELECT * FROM orders) SELECT * FROM b) SELECT a.id FROM a

SELECT q.id FROM (WITH line AS (SELECT id FROM region) SELECT * FROM line) AS q, line

WITH unused AS (SELECT * FROM remark) SELECT id FROM product

SELECT id FROM customer UNION SELECT id FROM tree EXCEPT SELECT id FROM product INTERSECT SELECT id FROM v_event

(SELECT id FROM customer) UNION ALL (SELECT id FROM line ORDER BY id LIMIT 1) ORDER BY id

-- Names.

SELECT id FROM `customer` AS `orders`

SELECT `orders`.id FROM `customer` `orders`, `Mixed Case` AS m

SELECT orders.customer, line.* FROM orders, line

SELECT /* FROM line */ id -- FROM remark
FROM /* comment */ product # FROM tree

SELECT 'FROM line', "FROM remark", 'it\'s FROM pair', 'it''s' FROM region

SELECT customer.name FROM customer

SELECT id AS line, id AS tree FROM orders

SELECT id FROM customer line WHERE line.id > 0

SELECT product.price, product.twice, product.thrice FROM product

-- Partitions.

SELECT * FROM event WHERE at = 5

SELECT * FROM event PARTITION (p0)

SELECT e.what FROM event PARTITION (p1) AS e, line

SELECT * FROM event WHERE 1 = 0

SELECT id FROM customer WHERE id = (SELECT MAX(id) FROM event)

-- Functions and others.

SELECT reads_customer(id) FROM product

SELECT writes_sink(id) FROM product

SELECT id, LOWER(name), LENGTH(name) FROM customer WHERE name LIKE 'c%' AND name BETWEEN 'a' AND 'z'

SELECT GROUP_CONCAT(DISTINCT name ORDER BY id SEPARATOR ';'), JSON_ARRAYAGG(id) FROM customer

SELECT DATE_ADD(day, INTERVAL 1 DAY), EXTRACT(YEAR FROM day) FROM orders

SELECT MAX(id) FROM customer

SELECT COUNT(*) FROM line

SELECT id FROM customer WHERE id = 1

SELECT id FROM customer WHERE id = 99

SELECT NEXT VALUE FOR seq

SELECT id FROM history FOR SYSTEM_TIME ALL

SELECT id FROM memory

SELECT id FROM product PROCEDURE ANALYSE()

SELECT id FROM customer LOCK IN SHARE MODE

SELECT id INTO @x FROM customer LIMIT 1

SELECT SQL_CALC_FOUND_ROWS id FROM customer LIMIT 1

VALUES (1), ((SELECT MAX(id) FROM customer))

-- Writes.

INSERT INTO customer VALUES (10, 'x', 1, 0)

INSERT INTO customer SELECT id + 10, name, (SELECT MIN(id) FROM region), 0 FROM product ON DUPLICATE KEY UPDATE name = VALUES(name)

INSERT IGNORE INTO orders (id, customer, product) VALUES (10, 1, 1), (11, 2, (SELECT MIN(id) FROM product))

INSERT INTO event VALUES (1, 250, 'x')

INSERT INTO event PARTITION (p0) SET id = 50, at = 50

INSERT INTO v_updatable VALUES (10, 1)

INSERT INTO v_customer VALUES (11, 'x')

INSERT INTO stock VALUES (10, 1) ON DUPLICATE KEY UPDATE n = 1

INSERT INTO audit (what) VALUES ('by hand') RETURNING id

INSERT INTO sink WITH x AS (SELECT id FROM line) SELECT * FROM x

INSERT INTO sink SELECT id FROM sink

INSERT INTO calls VALUES (1, 1)

REPLACE INTO customer VALUES (1, 'x', 1, 0)

REPLACE INTO stock SELECT id, 0 FROM item

UPDATE customer SET id = 20 WHERE id = 1

UPDATE customer c JOIN product p ON p.id = c.id JOIN region r ON r.id = p.id SET c.name = p.name

UPDATE customer c, stock s SET c.name = 'x', s.n = 0 WHERE c.id = s.id

UPDATE event SET at = at + 100 WHERE at = 10

UPDATE v_updatable SET n = n + 1 WHERE id = 1

UPDATE v_customer SET name = (SELECT MAX(name) FROM region) WHERE id = 1

UPDATE orders SET qty = (SELECT n FROM counter LIMIT 1) WHERE id IN (SELECT id FROM line)

UPDATE product SET price = DEFAULT WHERE id = 1

UPDATE pair SET a = a + 100

UPDATE region SET name = 'x' WHERE id = 1 ORDER BY id LIMIT 1

DELETE FROM customer WHERE id = 1

DELETE region FROM region JOIN customer c ON c.region = region.id WHERE c.id = 2

DELETE FROM c, l USING customer c, line l WHERE c.id = l.id

DELETE stock, pair FROM stock, pair WHERE stock.id = pair.id

DELETE FROM tree WHERE id = 1

DELETE FROM event WHERE at BETWEEN 90 AND 110 RETURNING id

DELETE FROM event PARTITION (p0)

DELETE FROM pair WHERE (a, b) = (1, 1)

DELETE FROM item WHERE id = 1

DELETE FROM line WHERE id IN (SELECT id FROM v_order)

DELETE FROM history WHERE id = 1

INSERT INTO memory VALUES (1)

DO writes_sink(1)
