-- What clients show to be let in. A key itself is never kept: 16 bytes of its SHA-256, in hexadecimal, and its last four
-- characters for people.
CREATE TABLE virtual_keys (
    id BIGINT NOT NULL PRIMARY KEY,
    -- Where it is managed, and what it opens unless it has a session.
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    -- It opens the workspace that is active in this session, and goes with it.
    session_id TEXT REFERENCES sessions (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    last_four TEXT NOT NULL,
    -- The key that this one replaced, and until when it is taken too; null: none.
    previous_hash TEXT,
    previous_until BIGINT,
    -- JSON.
    scopes TEXT NOT NULL,
    -- Null: never.
    expires_at BIGINT,
    -- Null: no limit.
    requests_per_minute BIGINT,
    tokens_per_minute BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    last_used_at BIGINT
);

CREATE INDEX virtual_keys_by_workspace ON virtual_keys (workspace_id, id);
CREATE INDEX virtual_keys_by_session ON virtual_keys (session_id);

-- 0: the request came without a key. A key may be gone while its requests stay.
ALTER TABLE requests ADD COLUMN key_id BIGINT NOT NULL DEFAULT 0;
-- Empty: the request had one target alone.
ALTER TABLE requests ADD COLUMN deployment TEXT NOT NULL DEFAULT '';
