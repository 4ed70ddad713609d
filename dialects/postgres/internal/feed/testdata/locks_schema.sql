CREATE TABLE region (id int PRIMARY KEY, name text)

CREATE TABLE customer (id int PRIMARY KEY, name text, region int REFERENCES region ON DELETE SET NULL, vip bool DEFAULT false)

CREATE TABLE product (id int PRIMARY KEY, name text, price numeric, twice numeric GENERATED ALWAYS AS (price * 2) STORED)

CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customer ON DELETE CASCADE ON UPDATE CASCADE, product int REFERENCES product ON DELETE SET NULL, qty int, day date)

CREATE TABLE line (id int PRIMARY KEY, orders int REFERENCES orders ON DELETE CASCADE ON UPDATE CASCADE, note text)

CREATE TABLE remark (id int PRIMARY KEY, line int DEFAULT NULL REFERENCES line ON DELETE SET DEFAULT, body text)

CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree ON DELETE CASCADE, name text)

CREATE TABLE pair (a int, b int, id int, PRIMARY KEY (a, b))

CREATE TABLE pair_user (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES pair ON DELETE CASCADE ON UPDATE CASCADE)

CREATE TABLE sink (id int)

CREATE TABLE "Mixed Case" (id int PRIMARY KEY, "select" text)

-- Partitions of two levels, and one that foreign keys lead to.

CREATE TABLE event (id int, at int, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)

CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (100)

CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM (100) TO (200) PARTITION BY LIST (id)

CREATE TABLE event_2a PARTITION OF event_2 FOR VALUES IN (1, 2, 3)

CREATE TABLE event_2b PARTITION OF event_2 DEFAULT

CREATE TABLE event_user (id int PRIMARY KEY, event int, at int, FOREIGN KEY (event, at) REFERENCES event ON DELETE CASCADE)

CREATE TABLE hashed (id int PRIMARY KEY, v text) PARTITION BY HASH (id)

CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0)

CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1)

-- Inheritance, with two parents, too.

CREATE TABLE animal (id int, name text)

CREATE TABLE pet (id int, owner int)

CREATE TABLE dog (bark text) INHERITS (animal)

CREATE TABLE cat (meow text) INHERITS (animal, pet)

CREATE TABLE kitten (weeks int) INHERITS (cat)

-- Triggers that write elsewhere, which fire others.

CREATE TABLE audit (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text)

CREATE TABLE counter (id int PRIMARY KEY, n int)

CREATE TABLE stock (id int PRIMARY KEY, n int)

CREATE TABLE item (id int PRIMARY KEY, n int)

CREATE FUNCTION stock_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit (what) VALUES (TG_OP);
  RETURN NULL;
END $$

CREATE FUNCTION audit_grew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE counter SET n = n + 1 WHERE id = 1;
  RETURN NULL;
END $$

CREATE FUNCTION item_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM stock WHERE id = OLD.id) THEN
    DELETE FROM stock WHERE id = OLD.id;
  END IF;
  RETURN OLD;
END $$

CREATE TRIGGER stock_changed AFTER INSERT OR UPDATE OR DELETE ON stock FOR EACH ROW EXECUTE FUNCTION stock_changed()

CREATE TRIGGER audit_grew AFTER INSERT ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_grew()

CREATE TRIGGER item_before BEFORE DELETE ON item FOR EACH ROW EXECUTE FUNCTION item_before()

-- A rule, row-level security, a materialized view, functions.

CREATE TABLE rule_log (id int)

CREATE TABLE ruled (id int PRIMARY KEY)

CREATE RULE also AS ON DELETE TO ruled DO ALSO INSERT INTO rule_log VALUES (1)

CREATE TABLE member (id int PRIMARY KEY, who text)

CREATE TABLE tenant (id int PRIMARY KEY, member int)

ALTER TABLE tenant ENABLE ROW LEVEL SECURITY

ALTER TABLE tenant FORCE ROW LEVEL SECURITY

CREATE POLICY p ON tenant USING (member IN (SELECT m.id FROM member m WHERE m.who = CURRENT_USER))

CREATE MATERIALIZED VIEW frozen AS SELECT id FROM customer

CREATE FUNCTION reads_customer(int) RETURNS text STABLE LANGUAGE sql AS 'SELECT name FROM customer WHERE id = $1'

CREATE FUNCTION writes_sink(int) RETURNS int LANGUAGE sql AS 'INSERT INTO sink VALUES ($1) RETURNING id'

CREATE FUNCTION doubled(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2'

CREATE FUNCTION orders_of(int) RETURNS SETOF orders STABLE LANGUAGE sql AS 'SELECT * FROM orders WHERE customer = $1'

CREATE FUNCTION dynamic(text) RETURNS bigint STABLE LANGUAGE plpgsql AS $$ DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM ' || quote_ident($1) INTO n; RETURN n; END $$

-- Views of every kind.

CREATE VIEW v_customer AS SELECT id, name FROM customer WHERE vip

CREATE VIEW v_order AS SELECT o.id, c.name, p.price * o.qty AS total FROM orders o JOIN customer c ON c.id = o.customer LEFT JOIN product p ON p.id = o.product

CREATE VIEW v_nested AS SELECT v.id, v.total, k.name FROM v_order v JOIN v_customer k USING (name)

CREATE VIEW v_event AS SELECT id, what FROM event WHERE at < 150

CREATE VIEW v_three AS SELECT n.id FROM v_nested n, v_event e

CREATE VIEW v_animal AS SELECT a.id, a.name FROM animal a

CREATE VIEW v_only AS SELECT id FROM ONLY animal

CREATE VIEW v_cte AS WITH big AS (SELECT * FROM orders WHERE qty > 1), cat AS (SELECT id FROM line) SELECT big.id FROM big JOIN cat USING (id)

CREATE VIEW v_union AS SELECT id FROM customer UNION SELECT id FROM product UNION ALL SELECT id FROM pair

CREATE VIEW v_sub AS SELECT id, (SELECT count(*) FROM line l WHERE l.orders = o.id) AS lines FROM orders o WHERE EXISTS (SELECT FROM product p WHERE p.id = o.product)

CREATE VIEW v_agg AS SELECT max(id) AS id, count(*) AS n FROM orders GROUP BY customer HAVING count(*) > (SELECT min(n) FROM counter)

CREATE VIEW v_lateral AS SELECT c.id, l.day FROM customer c, LATERAL (SELECT day FROM orders o WHERE o.customer = c.id ORDER BY day LIMIT 1) l

CREATE VIEW v_recursive AS WITH RECURSIVE r AS (SELECT id, parent FROM tree WHERE parent IS NULL UNION ALL SELECT t.id, t.parent FROM tree t JOIN r ON r.id = t.parent) SELECT id FROM r

CREATE VIEW v_updatable AS SELECT id, n FROM stock WITH CHECK OPTION

CREATE VIEW v_function AS SELECT id, reads_customer(id) AS name FROM product

CREATE VIEW v_invoker WITH (security_invoker = true) AS SELECT id FROM line

CREATE VIEW v_instead AS SELECT id, what FROM audit

CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM line WHERE id = OLD.id; RETURN OLD; END $$

CREATE TRIGGER instead INSTEAD OF DELETE ON v_instead FOR EACH ROW EXECUTE FUNCTION instead()

-- Rows for all of that to happen to.

INSERT INTO region SELECT i, 'r' || i FROM generate_series(1, 5) i

INSERT INTO customer SELECT i, 'c' || i, i, i % 2 = 0 FROM generate_series(1, 5) i

INSERT INTO product SELECT i, 'p' || i, i FROM generate_series(1, 5) i

INSERT INTO orders SELECT i, i, i, i, '2020-01-01'::date + i FROM generate_series(1, 5) i

INSERT INTO line SELECT i, i, 'l' || i FROM generate_series(1, 5) i

INSERT INTO remark SELECT i, i, 'b' || i FROM generate_series(1, 5) i

INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'branch'), (3, 2, 'leaf')

INSERT INTO pair SELECT i, i, i FROM generate_series(1, 5) i

INSERT INTO pair_user SELECT i, i, i FROM generate_series(1, 5) i

INSERT INTO event SELECT i % 7, i, 'e' FROM generate_series(1, 199) i

INSERT INTO event_user VALUES (1, 1, 1), (2, 3, 101)

INSERT INTO hashed SELECT i, 'h' FROM generate_series(1, 20) i

INSERT INTO animal VALUES (1, 'a')

INSERT INTO dog VALUES (2, 'd', 'wuff')

INSERT INTO cat VALUES (3, 'c', 1, 'miau')

INSERT INTO kitten VALUES (3, 'k', 1, 'mi', 5)

INSERT INTO counter VALUES (1, 0)

INSERT INTO stock SELECT i, i FROM generate_series(1, 5) i

INSERT INTO item SELECT i, i FROM generate_series(1, 5) i

INSERT INTO ruled SELECT i FROM generate_series(1, 5) i

INSERT INTO member SELECT i, CURRENT_USER FROM generate_series(1, 5) i

INSERT INTO tenant SELECT i, i FROM generate_series(1, 5) i
