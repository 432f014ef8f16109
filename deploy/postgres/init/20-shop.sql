-- The demo's database: a market, small enough to be made in a second.
CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL, region text NOT NULL);
CREATE TABLE stocks (symbol text PRIMARY KEY, price numeric NOT NULL, seen timestamptz NOT NULL DEFAULT now());
CREATE TABLE orders (
    id bigserial PRIMARY KEY,
    user_id integer NOT NULL REFERENCES users,
    symbol text NOT NULL REFERENCES stocks,
    quantity integer NOT NULL,
    state text NOT NULL DEFAULT 'open',
    placed timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_by_user ON orders (user_id);

INSERT INTO users SELECT id, 'user ' || id, (ARRAY['eu', 'us', 'apac'])[1 + id % 3] FROM generate_series(1, 2000) AS id;
INSERT INTO stocks SELECT 'S' || n, 10 + n FROM generate_series(1, 100) AS n;
INSERT INTO orders (user_id, symbol, quantity)
SELECT 1 + n % 2000, 'S' || (1 + n % 100), 1 + n % 50 FROM generate_series(1, 20000) AS n;
ANALYZE;
