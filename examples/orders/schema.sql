CREATE TABLE IF NOT EXISTS orders (
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again: an old link must not lead to another order
    customer    TEXT    NOT NULL,
    total_cents INTEGER NOT NULL,                  -- of its items, kept to be searched
    status      TEXT    NOT NULL CHECK (status IN ('open', 'shipped', 'cancelled')),
    due         TEXT,                              -- a date as 2026-11-21
    note        TEXT    NOT NULL,
    created     INTEGER NOT NULL                   -- milliseconds since 1970, UTC
) STRICT;

CREATE INDEX IF NOT EXISTS orders_by_age ON orders (created, id);

CREATE TABLE IF NOT EXISTS items (
    order_id         INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    position         INTEGER NOT NULL,
    sku              TEXT    NOT NULL,
    quantity         INTEGER NOT NULL CHECK (quantity > 0),
    unit_price_cents INTEGER NOT NULL CHECK (unit_price_cents >= 0),
    PRIMARY KEY (order_id, position)
) STRICT, WITHOUT ROWID;
