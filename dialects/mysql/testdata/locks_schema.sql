CREATE TABLE region (id INT PRIMARY KEY, name VARCHAR(20))

CREATE TABLE customer (id INT PRIMARY KEY, name VARCHAR(20), region INT, vip BOOL DEFAULT FALSE, FOREIGN KEY (region) REFERENCES region (id) ON DELETE SET NULL)

CREATE TABLE product (id INT PRIMARY KEY, name VARCHAR(20), price INT, twice INT AS (price * 2) STORED, thrice INT AS (price * 3) VIRTUAL)

CREATE TABLE orders (id INT PRIMARY KEY, customer INT, product INT, qty INT, day DATE, FOREIGN KEY (customer) REFERENCES customer (id) ON DELETE CASCADE ON UPDATE CASCADE, FOREIGN KEY (product) REFERENCES product (id) ON DELETE SET NULL)

CREATE TABLE line (id INT PRIMARY KEY, orders INT, note VARCHAR(20), FOREIGN KEY (orders) REFERENCES orders (id) ON DELETE CASCADE ON UPDATE CASCADE)

CREATE TABLE remark (id INT PRIMARY KEY, line INT, body VARCHAR(20), FOREIGN KEY (line) REFERENCES line (id) ON DELETE SET NULL ON UPDATE CASCADE)

CREATE TABLE tree (id INT PRIMARY KEY, parent INT, name VARCHAR(20), FOREIGN KEY (parent) REFERENCES tree (id) ON DELETE CASCADE)

CREATE TABLE pair (a INT, b INT, id INT, PRIMARY KEY (a, b))

CREATE TABLE pair_user (id INT PRIMARY KEY, a INT, b INT, FOREIGN KEY (a, b) REFERENCES pair (a, b) ON DELETE CASCADE ON UPDATE CASCADE)

CREATE TABLE sink (id INT)

CREATE TABLE `Mixed Case` (id INT PRIMARY KEY, `select` VARCHAR(20))

CREATE TABLE event (id INT, at INT, what VARCHAR(20), PRIMARY KEY (id, at)) PARTITION BY RANGE (at) (PARTITION p0 VALUES LESS THAN (100), PARTITION p1 VALUES LESS THAN MAXVALUE)

CREATE TABLE audit (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(20))

CREATE TABLE counter (id INT PRIMARY KEY, n INT)

CREATE TABLE stock (id INT PRIMARY KEY, n INT)

CREATE TABLE item (id INT PRIMARY KEY, n INT)

CREATE TRIGGER stock_i AFTER INSERT ON stock FOR EACH ROW INSERT INTO audit (what) VALUES ('i')

CREATE TRIGGER stock_u AFTER UPDATE ON stock FOR EACH ROW INSERT INTO audit (what) VALUES ('u')

CREATE TRIGGER stock_d AFTER DELETE ON stock FOR EACH ROW INSERT INTO audit (what) SELECT name FROM region LIMIT 1

CREATE TRIGGER audit_i AFTER INSERT ON audit FOR EACH ROW UPDATE counter SET n = n + 1 WHERE id = 1

CREATE TRIGGER item_d BEFORE DELETE ON item FOR EACH ROW BEGIN IF EXISTS (SELECT 1 FROM line WHERE line.id = OLD.id) THEN DELETE FROM stock WHERE id = OLD.id; END IF; END

CREATE FUNCTION reads_customer(n INT) RETURNS VARCHAR(20) READS SQL DATA RETURN (SELECT name FROM customer WHERE id = n)

CREATE FUNCTION writes_sink(n INT) RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO sink VALUES (n); RETURN n; END

CREATE TABLE calls (id INT PRIMARY KEY, n INT)

CREATE TRIGGER calls_i BEFORE INSERT ON calls FOR EACH ROW SET NEW.n = writes_sink(NEW.id)

CREATE SEQUENCE seq

CREATE TABLE memory (id INT PRIMARY KEY) ENGINE = MEMORY

CREATE TABLE history (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING

CREATE VIEW v_customer AS SELECT id, name FROM customer WHERE vip

CREATE VIEW v_order AS SELECT o.id, c.name, p.price * o.qty AS total FROM orders o JOIN customer c ON c.id = o.customer LEFT JOIN product p ON p.id = o.product

CREATE VIEW v_nested AS SELECT v.id, v.total, k.name FROM v_order v JOIN v_customer k ON k.name = v.name

CREATE VIEW v_event AS SELECT id, what FROM event WHERE at < 150

CREATE VIEW v_three AS SELECT n.id FROM v_nested n, v_event e

CREATE ALGORITHM = TEMPTABLE VIEW v_temp AS SELECT id FROM pair

CREATE VIEW v_cte AS WITH big AS (SELECT * FROM orders WHERE qty > 1), tree AS (SELECT id FROM line) SELECT big.id FROM big JOIN tree ON tree.id = big.id

CREATE VIEW v_union AS SELECT id FROM customer UNION SELECT id FROM product UNION ALL SELECT id FROM pair

CREATE VIEW v_sub AS SELECT id, (SELECT COUNT(*) FROM line l WHERE l.orders = o.id) AS n FROM orders o WHERE EXISTS (SELECT 1 FROM product p WHERE p.id = o.product)

CREATE VIEW v_agg AS SELECT MAX(id) AS id, COUNT(*) AS n FROM orders GROUP BY customer HAVING COUNT(*) > (SELECT MIN(n) FROM counter)

CREATE VIEW v_derived AS SELECT d.id FROM (SELECT id FROM remark) d

CREATE VIEW v_recursive AS WITH RECURSIVE r AS (SELECT id, parent FROM tree WHERE parent IS NULL UNION ALL SELECT t.id, t.parent FROM tree t JOIN r ON r.id = t.parent) SELECT id FROM r

CREATE VIEW v_updatable AS SELECT id, n FROM stock WITH CHECK OPTION

CREATE VIEW v_function AS SELECT id, reads_customer(id) AS name FROM product

INSERT INTO region SELECT seq, 'r' FROM seq_1_to_5

INSERT INTO customer SELECT seq, CONCAT('c', seq), seq, seq % 2 FROM seq_1_to_5

INSERT INTO product (id, name, price) SELECT seq, 'p', seq FROM seq_1_to_5

INSERT INTO orders SELECT seq, seq, seq, seq, '2020-01-01' FROM seq_1_to_5

INSERT INTO line SELECT seq, seq, 'l' FROM seq_1_to_5

INSERT INTO remark SELECT seq, seq, 'b' FROM seq_1_to_5

INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'branch'), (3, 2, 'leaf')

INSERT INTO pair SELECT seq, seq, seq FROM seq_1_to_5

INSERT INTO pair_user SELECT seq, seq, seq FROM seq_1_to_5

INSERT INTO event SELECT seq % 7, seq, 'e' FROM seq_1_to_199

INSERT INTO counter VALUES (1, 0)

INSERT INTO stock SELECT seq, seq FROM seq_1_to_5

INSERT INTO item SELECT seq, seq FROM seq_1_to_5
