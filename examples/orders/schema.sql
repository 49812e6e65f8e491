-- A tenant is a company that keeps its orders here. Everything of a tenant's has the tenant first in its
-- key, so that no row can belong to another by mistake.

CREATE TABLE IF NOT EXISTS users (
    key_hash BLOB NOT NULL PRIMARY KEY CHECK (length(key_hash) = 32), -- SHA-256; the key itself is kept nowhere
    tenant   TEXT NOT NULL,
    name     TEXT NOT NULL,
    role     TEXT NOT NULL CHECK (role IN ('clerk', 'manager', 'admin')),
    UNIQUE (tenant, name)
) STRICT, WITHOUT ROWID;

-- Orders are numbered for each tenant: one sequence for all would tell each how much the others sell.
CREATE TABLE IF NOT EXISTS numbers (
    tenant TEXT    NOT NULL PRIMARY KEY,
    last   INTEGER NOT NULL -- never used again: an old link must not lead to another order
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS orders (
    tenant      TEXT    NOT NULL,
    id          INTEGER NOT NULL,
    customer    TEXT    NOT NULL,
    total_cents INTEGER NOT NULL,                  -- of its items, kept to be searched
    status      TEXT    NOT NULL CHECK (status IN ('open', 'shipped', 'cancelled')),
    due         TEXT,                              -- a date as 2026-11-21
    note        TEXT    NOT NULL,
    created     INTEGER NOT NULL,                  -- milliseconds since 1970, UTC
    paid        INTEGER,                           -- likewise; NULL until it is
    version     INTEGER NOT NULL DEFAULT 1,        -- one more with each change
    attached    INTEGER NOT NULL DEFAULT 0,        -- how many attachments it ever had, which numbers them
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS orders_by_age ON orders (tenant, created, id);

CREATE TABLE IF NOT EXISTS items (
    tenant           TEXT    NOT NULL,
    order_id         INTEGER NOT NULL,
    position         INTEGER NOT NULL,
    sku              TEXT    NOT NULL,
    quantity         INTEGER NOT NULL CHECK (quantity > 0),
    unit_price_cents INTEGER NOT NULL CHECK (unit_price_cents >= 0),
    PRIMARY KEY (tenant, order_id, position),
    FOREIGN KEY (tenant, order_id) REFERENCES orders (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What happened to orders, for feeds. It is written with the change itself. Only one transaction writes at a time, so
-- events become visible in the order of their ids: who has seen one has seen all before it. What customers ordered is
-- not in here: an order that was deleted is to be forgotten.
CREATE TABLE IF NOT EXISTS events (
    tenant   TEXT    NOT NULL,
    id       INTEGER NOT NULL, -- counted for each tenant, without a gap
    name     TEXT    NOT NULL CHECK (name IN ('created', 'changed', 'paid', 'deleted')),
    order_id INTEGER NOT NULL,
    version  INTEGER NOT NULL, -- of the order, after the change
    at       INTEGER NOT NULL, -- milliseconds since 1970, UTC
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS attachments (
    tenant     TEXT    NOT NULL,
    order_id   INTEGER NOT NULL,
    id         INTEGER NOT NULL,
    title      TEXT    NOT NULL,
    filename   TEXT    NOT NULL, -- the client's, to save the file under; nothing is stored under it
    media_type TEXT    NOT NULL, -- what the content is, whatever the client said
    size       INTEGER NOT NULL,
    sha256     BLOB    NOT NULL CHECK (length(sha256) = 32),
    created    INTEGER NOT NULL, -- milliseconds since 1970, UTC
    PRIMARY KEY (tenant, order_id, id),
    FOREIGN KEY (tenant, order_id) REFERENCES orders (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The content of attachments, in pieces of one size, the last one apart: so nobody has to have all of a file in memory.
CREATE TABLE IF NOT EXISTS pieces (
    tenant        TEXT    NOT NULL,
    order_id      INTEGER NOT NULL,
    attachment_id INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    content       BLOB    NOT NULL,
    PRIMARY KEY (tenant, order_id, attachment_id, position),
    FOREIGN KEY (tenant, order_id, attachment_id) REFERENCES attachments (tenant, order_id, id) ON DELETE CASCADE
) STRICT;

-- Every payment that was told, also those that no order took: somebody has to give that money back.
CREATE TABLE IF NOT EXISTS payments (
    event_id     TEXT    NOT NULL PRIMARY KEY,     -- the provider's: what it tells twice is kept once
    tenant       TEXT    NOT NULL,
    order_id     INTEGER NOT NULL,                 -- which need not exist
    amount_cents INTEGER NOT NULL,
    received     INTEGER NOT NULL,                 -- milliseconds since 1970, UTC
    refused      TEXT                              -- why no order took it; NULL where one did
) STRICT, WITHOUT ROWID;

-- Who changed what. It is written with the change itself, in one transaction.
CREATE TABLE IF NOT EXISTS audit (
    tenant TEXT    NOT NULL,
    user   TEXT    NOT NULL, -- the name, which stays when the user is removed
    method TEXT    NOT NULL,
    path   TEXT    NOT NULL,
    status INTEGER NOT NULL, -- of the answer
    at     INTEGER NOT NULL  -- milliseconds since 1970, UTC
) STRICT;
