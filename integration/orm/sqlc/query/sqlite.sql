-- name: CreateBakery :one
INSERT INTO bakery (name, city, margin, motto, opened) VALUES (?, ?, ?, ?, ?) RETURNING id;

-- name: CreateLoaf :one
INSERT INTO loaf (bakery_id, name, price) VALUES (?, ?, ?) RETURNING id;

-- name: GetBakery :one
SELECT * FROM bakery WHERE id = ?;

-- name: BakeriesOf :many
SELECT * FROM bakery WHERE city = ? ORDER BY name;

-- name: LoavesOf :many
SELECT * FROM loaf WHERE bakery_id = ? ORDER BY id;

-- name: Totals :many
SELECT b.name, count(*) AS loaves, CAST(sum(l.price) AS INTEGER) AS price
FROM bakery AS b JOIN loaf AS l ON l.bakery_id = b.id GROUP BY b.name ORDER BY b.name;

-- name: SaveBakery :exec
UPDATE bakery SET name = ?, city = ?, margin = ?, motto = ?, opened = ? WHERE id = ?;

-- name: Raise :execrows
UPDATE loaf SET price = price + ? WHERE bakery_id IN (SELECT id FROM bakery WHERE city = ?);

-- name: DeleteBakery :execrows
DELETE FROM bakery WHERE id = ?;
