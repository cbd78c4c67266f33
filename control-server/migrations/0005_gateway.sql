-- A rule may name a model or a deployment of its workspace instead of a provider's model.
ALTER TABLE rules ADD COLUMN target_name TEXT;

CREATE INDEX rules_by_target_name ON rules (workspace_id, target_name);

-- The models that a workspace allows. One names its provider by text, as rules do: when the provider goes, the model stays
-- and is broken; when a provider of that name comes back, it is whole again.
CREATE TABLE workspace_models (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    alias TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    requests_per_minute BIGINT,
    CONSTRAINT workspace_models_alias_taken PRIMARY KEY (workspace_id, alias)
);

CREATE INDEX workspace_models_by_provider ON workspace_models (provider);

-- Their names and the aliases of the same workspace differ.
CREATE TABLE deployments (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- 'ordered', 'round_robin' or 'weighted'
    policy TEXT NOT NULL,
    -- JSON: a list of statuses.
    retry_on TEXT NOT NULL,
    try_timeout_ms BIGINT NOT NULL,
    breaker_failures BIGINT NOT NULL,
    breaker_window_s BIGINT NOT NULL,
    breaker_cooldown_s BIGINT NOT NULL,
    CONSTRAINT deployments_name_taken PRIMARY KEY (workspace_id, name)
);

-- By ascending `position`. A target names a model of the workspace by its alias, as text, and is broken when that goes.
CREATE TABLE deployment_targets (
    workspace_id BIGINT NOT NULL,
    deployment TEXT NOT NULL,
    position BIGINT NOT NULL,
    alias TEXT NOT NULL,
    weight BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, deployment, position),
    FOREIGN KEY (workspace_id, deployment) REFERENCES deployments (workspace_id, name) ON DELETE CASCADE
);

CREATE INDEX deployment_targets_by_alias ON deployment_targets (workspace_id, alias);
