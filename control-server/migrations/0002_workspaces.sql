-- What workspaces and rules hold beyond names and conditions, and who changed what.

-- Put in front of every request's system prompt; empty: nothing.
ALTER TABLE workspaces ADD COLUMN instructions TEXT NOT NULL DEFAULT '';
-- JSON; what is not there is at its default.
ALTER TABLE workspaces ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';

ALTER TABLE rules ADD COLUMN instructions TEXT NOT NULL DEFAULT '';
-- 'all' or 'last': the turns that the conditions look at.
ALTER TABLE rules ADD COLUMN turns TEXT NOT NULL DEFAULT 'all';

-- One row for each thing that a revision changed. `before` and `after` are JSON with secrets masked; null: it was not
-- there, or is not there any more.
CREATE TABLE audit (
    revision BIGINT NOT NULL,
    number BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    before TEXT,
    after TEXT,
    PRIMARY KEY (revision, number)
);

CREATE INDEX audit_by_resource ON audit (kind, name, revision);
