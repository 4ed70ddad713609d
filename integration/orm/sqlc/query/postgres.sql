-- name: CreateBakery :one
INSERT INTO bakery (name, city, margin, motto, opened) VALUES ($1, $2, $3, $4, $5) RETURNING id;

-- name: CreateLoaf :one
INSERT INTO loaf (bakery_id, name, price) VALUES ($1, $2, $3) RETURNING id;

-- name: GetBakery :one
SELECT * FROM bakery WHERE id = $1;

-- name: BakeriesOf :many
SELECT * FROM bakery WHERE city = $1 ORDER BY name;

-- name: LoavesOf :many
SELECT * FROM loaf WHERE bakery_id = $1 ORDER BY id;

-- name: Totals :many
SELECT b.name, count(*) AS loaves, CAST(sum(l.price) AS bigint) AS price
FROM bakery AS b JOIN loaf AS l ON l.bakery_id = b.id GROUP BY b.name ORDER BY b.name;

-- name: SaveBakery :exec
UPDATE bakery SET name = $1, city = $2, margin = $3, motto = $4, opened = $5 WHERE id = $6;

-- name: Raise :execrows
UPDATE loaf SET price = price + $1 WHERE bakery_id IN (SELECT id FROM bakery WHERE city = $2);

-- name: DeleteBakery :execrows
DELETE FROM bakery WHERE id = $1;
