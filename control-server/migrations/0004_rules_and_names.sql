-- Tells quickly whether a rule decided any request of late.
CREATE INDEX requests_by_rule ON requests (workspace_id, rule, started_at);

-- Names that workspaces had: a request that was decided before `revision` names its workspace by the old one, and is
-- reported after it.
CREATE TABLE former_names (
    name TEXT NOT NULL,
    revision BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    PRIMARY KEY (name, revision)
);

CREATE INDEX former_names_by_workspace ON former_names (workspace_id);
