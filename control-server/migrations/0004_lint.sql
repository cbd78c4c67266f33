-- Tells quickly whether a rule decided any request of late.
CREATE INDEX requests_by_rule ON requests (workspace_id, rule, started_at);
