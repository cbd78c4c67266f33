-- Answers that are kept, which are in memory alone: the settings of workspaces are in `workspaces.settings`.

-- Seconds; 0: answers are not kept; null: as the workspace has it.
ALTER TABLE deployments ADD COLUMN cache_ttl_s BIGINT;

-- 'hit', 'miss' or 'bypass'; empty: answers were not kept. Provider and model of a hit are those that the answer came
-- from.
ALTER TABLE requests ADD COLUMN cache TEXT NOT NULL DEFAULT '';
-- What a hit saved; null: it was none, or it is not known.
ALTER TABLE requests ADD COLUMN saved_input_tokens BIGINT;
ALTER TABLE requests ADD COLUMN saved_output_tokens BIGINT;
ALTER TABLE requests ADD COLUMN saved_micro_usd BIGINT;
