-- What the demo's application asks its database, for pgbench: found by index, read whole, changed, and now and then slow.
\set user random(1, 2000)
\set stock random(1, 100)
\set dice random(1, 200)
SELECT id, symbol, state FROM orders WHERE user_id = :user ORDER BY placed DESC LIMIT 20;
INSERT INTO orders (user_id, symbol, quantity) VALUES (:user, 'S' || :stock, 1);
UPDATE stocks SET price = price * 1.001, seen = now() WHERE symbol = 'S' || :stock;
SELECT state, count(*) FROM orders GROUP BY state;
DELETE FROM orders WHERE id IN (SELECT id FROM orders ORDER BY id LIMIT 1);
\if :dice = 1
SELECT pg_sleep(1.2);
\endif
