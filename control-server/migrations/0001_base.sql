-- The base schema, in SQL that SQLite and PostgreSQL both speak: times are unix milliseconds, truth values 0 or 1,
-- both BIGINT; sealed values and JSON are TEXT.

-- One row: the identity of this database and its revision. A write transaction begins by counting `revision` up, which
-- also makes it the only one that writes.
CREATE TABLE store (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    -- Random, made with the database: a revision means nothing without it.
    id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    -- `changes` holds everything after this revision.
    log_floor BIGINT NOT NULL,
    -- A known text, sealed: tells at the start whether the master key is the right one.
    key_check TEXT NOT NULL
);

-- Which resources a revision touched. What a resource is now stands in its own table; where it is not there, it is gone.
CREATE TABLE changes (
    revision BIGINT NOT NULL,
    -- 'workspace', 'session' or 'provider'
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (revision, kind, name)
);

-- `id` is the revision that made the row; a name may change, the id does not.
CREATE TABLE workspaces (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL CONSTRAINT workspaces_name_taken UNIQUE,
    description TEXT NOT NULL,
    archived_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Tried by ascending `position`. A target names its provider by text, not by key: when the provider goes, the rule stays
-- and is broken; when a provider of that name comes back, it is whole again. No provider and no model: `requested`.
CREATE TABLE rules (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    conditions TEXT NOT NULL,
    target_provider TEXT,
    target_model TEXT,
    PRIMARY KEY (workspace_id, position),
    CONSTRAINT rules_name_taken UNIQUE (workspace_id, name)
);

CREATE INDEX rules_by_provider ON rules (target_provider);

-- A workspace that is active somewhere cannot be deleted.
CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    label TEXT NOT NULL,
    workspace_id BIGINT NOT NULL CONSTRAINT sessions_workspace REFERENCES workspaces (id),
    updated_at BIGINT NOT NULL,
    last_seen_at BIGINT
);

CREATE INDEX sessions_by_workspace ON sessions (workspace_id);

CREATE TABLE providers (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL CONSTRAINT providers_name_taken UNIQUE,
    kind TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    -- 'none' or 'api_key'
    auth TEXT NOT NULL,
    -- The key, sealed for this row's id; null: not given.
    api_key TEXT,
    description TEXT NOT NULL,
    -- What came of the last question for its models; `checked_at` null: never asked.
    checked_at BIGINT,
    check_error TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE models (
    provider_id BIGINT NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    -- 1: the provider no longer lists it, but a rule uses it.
    missing BIGINT NOT NULL,
    PRIMARY KEY (provider_id, id)
);

-- One row per reported request; the key makes a second report of it harmless. `workspace_id` is null where the report
-- names a workspace that is not there any more. Provider and model are those of the last try.
CREATE TABLE requests (
    request_id TEXT NOT NULL PRIMARY KEY,
    started_at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    workspace_id BIGINT REFERENCES workspaces (id) ON DELETE CASCADE,
    workspace TEXT NOT NULL,
    session TEXT NOT NULL,
    rule TEXT NOT NULL,
    dialect TEXT NOT NULL,
    requested_model TEXT NOT NULL,
    stream BIGINT NOT NULL,
    request_bytes BIGINT NOT NULL,
    -- What the client got; 0: it hung up before any status.
    status BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    -- 1: tokens of some try were estimated.
    estimated BIGINT NOT NULL,
    -- 1: some try has tokens whose price was not known.
    cost_unknown BIGINT NOT NULL
);

CREATE INDEX requests_by_time ON requests (started_at);
CREATE INDEX requests_by_workspace ON requests (workspace_id, started_at);

-- One row per try. Tokens are null where the provider said nothing about usage; cost also where no price is known.
CREATE TABLE attempts (
    request_id TEXT NOT NULL REFERENCES requests (request_id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    status BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    first_byte_ms BIGINT NOT NULL,
    input_tokens BIGINT,
    cached_input_tokens BIGINT,
    cache_write_tokens BIGINT,
    output_tokens BIGINT,
    reasoning_tokens BIGINT,
    estimated BIGINT NOT NULL,
    cost_micro_usd BIGINT,
    -- The provider's own words about usage, as they came.
    raw_usage TEXT,
    PRIMARY KEY (request_id, number)
);
