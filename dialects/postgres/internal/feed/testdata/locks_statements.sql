-- Joins, of every notation.

SELECT o.id, c.name FROM orders o, customer c WHERE o.customer = c.id

SELECT * FROM orders NATURAL JOIN line

SELECT * FROM (orders o JOIN customer c ON c.id = o.customer) AS j (a, b, c, d, e, f, g, h, i)

SELECT c.id FROM customer c LEFT JOIN (orders o JOIN line l ON l.orders = o.id) ON o.customer = c.id

SELECT * FROM region r FULL JOIN customer c ON c.region = r.id CROSS JOIN counter

SELECT r.id FROM region r RIGHT JOIN v_order v ON v.id = r.id WHERE v.total > 3

SELECT a.id FROM customer a JOIN customer b USING (id) AS j WHERE j.id = 1

SELECT * FROM ROWS FROM (generate_series(1, 2), unnest(ARRAY[1, 2])) AS f (a, b), product

-- Subqueries, everywhere.

SELECT CASE WHEN EXISTS (SELECT FROM line) THEN (SELECT max(n) FROM counter) ELSE 0 END FROM sink

SELECT id FROM orders ORDER BY (SELECT name FROM customer WHERE id = orders.customer)

SELECT id FROM orders LIMIT (SELECT count(*) FROM region)

SELECT count(*) FILTER (WHERE id IN (SELECT id FROM line)) FROM orders

SELECT sum(qty) OVER (PARTITION BY (SELECT max(id) FROM region) ORDER BY id) FROM orders

SELECT ARRAY(SELECT id FROM product) FROM customer

SELECT id FROM customer WHERE (id, name) IN (SELECT id, name FROM product) OR id = ANY (SELECT id FROM line) OR id <> ALL (SELECT n FROM counter)

SELECT customer, count(*) FROM orders GROUP BY ROLLUP (customer) HAVING count(*) > (SELECT min(id) FROM product)

VALUES (1), ((SELECT max(id) FROM customer))

SELECT (VALUES ((SELECT name FROM region LIMIT 1))) FROM product

SELECT * FROM (VALUES (1), ((SELECT max(id) FROM line))) v (x), orders

SELECT ((SELECT (SELECT (SELECT max(id) FROM tree)))) FROM sink

SELECT COALESCE((SELECT id FROM v_updatable LIMIT 1), (SELECT id FROM v_cte LIMIT 1)) FROM sink

-- Common table expressions that hide tables, and do not.

WITH customer AS (SELECT id FROM product) SELECT * FROM customer

WITH customer AS (SELECT * FROM customer) SELECT * FROM customer

WITH x AS (SELECT 1), y AS (SELECT * FROM line) SELECT count(*) FROM y, x

WITH RECURSIVE r AS (SELECT id, parent FROM tree WHERE id = 1 UNION SELECT t.id, t.parent FROM tree t, r WHERE t.parent = r.id) SELECT * FROM r

WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < (SELECT max(id) FROM region)) SELECT n FROM r

WITH a AS (WITH b AS (SELECT * FROM orders) SELECT * FROM b) SELECT a.id FROM a, (WITH a AS (SELECT * FROM line) SELECT * FROM a) AS z

SELECT * FROM (WITH line AS (SELECT id FROM region) SELECT * FROM line) AS q, line

WITH unused AS (SELECT * FROM remark) SELECT id FROM product

WITH x AS (TABLE pair) TABLE x

SELECT id FROM customer UNION (WITH product AS (SELECT id FROM tree) SELECT id FROM product) EXCEPT SELECT id FROM product

(SELECT id FROM customer) INTERSECT ALL (SELECT id FROM v_event ORDER BY id) ORDER BY id

-- Names.

SELECT id FROM "customer" AS "orders"

SELECT "orders".id FROM public.customer "orders", public."Mixed Case" AS m

SELECT U&"\0063ustomer".id FROM U&"\0063ustomer"

SELECT orders.customer, line.* FROM orders, line

SELECT /* FROM line */ id -- FROM remark
FROM /* nested /* comment */ */ product

SELECT 'FROM line', $$FROM remark$$, $t$FROM tree$t$, E'it\'s FROM pair' FROM region

SELECT customer FROM customer

SELECT product.price, product.twice, product FROM product

SELECT id AS line, id AS tree FROM orders

SELECT id FROM customer line WHERE line.id > 0

SELECT count(*) FROM customer customer, LATERAL (SELECT customer.id) product

-- Partitions, pruned when planned and when run.

SELECT * FROM event WHERE at = 5

SELECT * FROM event WHERE at = 150 AND id = 2

SELECT * FROM event WHERE at = (SELECT max(n) + 1 FROM counter)

SELECT * FROM event_2 WHERE id = 9

SELECT * FROM event_2a

SELECT e.what FROM event e JOIN event_user u ON (u.event, u.at) = (e.id, e.at)

SELECT * FROM hashed WHERE id = 7

SELECT a.id FROM hashed a JOIN hashed b USING (id)

SELECT * FROM event WHERE false

SELECT c.id FROM customer c LEFT JOIN event e ON e.id = c.id AND e.at = 1

-- Inheritance.

SELECT * FROM animal WHERE name = 'k'

SELECT * FROM ONLY animal

SELECT * FROM animal*

SELECT p.owner FROM pet p JOIN ONLY cat c USING (id)

SELECT a.id FROM ONLY (animal) a, kitten

-- Functions.

SELECT doubled(id) FROM product

SELECT reads_customer(id) FROM product

SELECT * FROM orders_of(1)

SELECT o.id FROM customer c, orders_of(c.id) o

SELECT dynamic('line') FROM product

SELECT writes_sink(id) FROM product

SELECT id, lower(name), doubled(id) FROM customer WHERE length(name) > 1

SELECT string_agg(name, ',' ORDER BY id), jsonb_agg(c) FROM customer c

SELECT row_to_json(c) FROM customer c

SELECT date_trunc('month', day), extract(year FROM day) FROM orders

SELECT DISTINCT ON (customer) customer, day FROM orders ORDER BY customer, day DESC FETCH FIRST 2 ROWS WITH TIES

SELECT rank() OVER w, lag(id) OVER w FROM orders WINDOW w AS (PARTITION BY customer ORDER BY day)

SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY price) FROM product

SELECT * FROM generate_series(1, (SELECT max(id) FROM region)) g

SELECT x.* FROM customer c, unnest(ARRAY[c.id, (SELECT max(id) FROM line)]) WITH ORDINALITY AS x (v, n)

SELECT * FROM customer TABLESAMPLE BERNOULLI (50)

SELECT id FROM customer WHERE name SIMILAR TO 'c%' AND name ~ '^c' AND name ILIKE '%C%' AND name BETWEEN 'a' AND 'z'

SELECT (c).name, (c.*)::text FROM customer c

SELECT id FROM frozen

-- Writes.

INSERT INTO customer VALUES (10, 'x', 1)

INSERT INTO customer SELECT id + 10, name, (SELECT min(id) FROM region) FROM product ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name WHERE customer.vip RETURNING id, (SELECT count(*) FROM line)

INSERT INTO orders (id, customer, product) VALUES (10, 1, 1), (11, 2, (SELECT min(id) FROM product)) ON CONFLICT DO NOTHING

INSERT INTO event VALUES (1, 250 - 100, 'x') ON CONFLICT DO NOTHING

INSERT INTO event_1 VALUES (50, 50, 'x')

INSERT INTO hashed VALUES (100, 'x'), (101, 'y')

INSERT INTO v_updatable VALUES (10, 1)

INSERT INTO v_customer VALUES (11, 'x')

INSERT INTO kitten VALUES (9, 'k', 1, 'm', 1)

INSERT INTO stock VALUES (10, 1)

INSERT INTO audit (what) VALUES ('by hand')

INSERT INTO tenant VALUES (9, 1)

INSERT INTO sink WITH x AS (SELECT id FROM line) SELECT * FROM x

INSERT INTO sink TABLE sink

WITH moved AS (DELETE FROM line WHERE id = 1 RETURNING id) INSERT INTO sink SELECT id FROM moved

WITH a AS (UPDATE stock SET n = 0 WHERE id = 1 RETURNING id), b AS (INSERT INTO sink SELECT id FROM a RETURNING id) SELECT * FROM a, b, product

UPDATE customer SET id = 20 WHERE id = 1

UPDATE customer c SET name = p.name FROM product p JOIN region r ON r.id = p.id WHERE p.id = c.id

UPDATE ONLY animal SET name = 'x'

UPDATE animal SET name = 'x' WHERE id = 3

UPDATE event SET at = at + 100 WHERE at = 10

UPDATE v_updatable SET n = n + 1 WHERE id = 1

UPDATE v_customer SET name = (SELECT max(name) FROM region) WHERE id = 2

UPDATE orders SET (qty, day) = (SELECT n, '2021-01-01'::date FROM counter LIMIT 1) WHERE id IN (SELECT id FROM line)

UPDATE product SET price = DEFAULT WHERE id = 1 RETURNING *

UPDATE pair SET a = a + 100

UPDATE region SET name = 'x' WHERE id = 1

DELETE FROM customer WHERE id = 1

DELETE FROM region USING customer c WHERE c.region = region.id AND c.id = 2

DELETE FROM tree WHERE id = 1

DELETE FROM event WHERE at = 1

DELETE FROM event WHERE at BETWEEN 90 AND 110 RETURNING *

DELETE FROM pair WHERE (a, b) = (1, 1)

DELETE FROM v_instead WHERE id = (SELECT min(id) FROM audit)

DELETE FROM ONLY cat

DELETE FROM item WHERE id = 1

DELETE FROM ruled WHERE id = 1

DELETE FROM line WHERE id IN (SELECT id FROM v_order)

MERGE INTO customer c USING product p ON p.id = c.id WHEN MATCHED AND p.id > 3 THEN DELETE WHEN MATCHED THEN UPDATE SET name = p.name WHEN NOT MATCHED THEN INSERT VALUES (p.id + 30, p.name)

MERGE INTO stock s USING (SELECT DISTINCT id FROM v_event) e ON e.id = s.id WHEN MATCHED THEN UPDATE SET n = 0 WHEN NOT MATCHED THEN DO NOTHING

TRUNCATE line, remark

TRUNCATE customer RESTART IDENTITY CASCADE

TRUNCATE ONLY animal

-- Others.

SELECT id FROM customer FOR UPDATE OF customer SKIP LOCKED

SELECT id INTO made FROM customer

CREATE TABLE made AS SELECT id FROM orders

REFRESH MATERIALIZED VIEW frozen

EXPLAIN ANALYZE DELETE FROM customer WHERE id = 1

PREPARE p AS SELECT id FROM line

DECLARE c CURSOR FOR SELECT id FROM line

DO $$ BEGIN DELETE FROM line; END $$

ANALYZE customer

ALTER TABLE sink ADD COLUMN x int

CREATE INDEX ON sink (id)

SELECT id FROM customer; SELECT id FROM line

SELECT id FROM customer; DELETE FROM line
