-- What is known about models, and personas. `providers.auth` may now also be 'passthrough'.

-- When the provider last listed it.
ALTER TABLE models ADD COLUMN listed_at BIGINT NOT NULL DEFAULT 0;
UPDATE models SET listed_at = (SELECT COALESCE(p.checked_at, p.created_at) FROM providers p WHERE p.id = models.provider_id);
-- JSON: what the provider says about it.
ALTER TABLE models ADD COLUMN said TEXT NOT NULL DEFAULT '{}';

-- What a person knows better about a model, as JSON. It stays while the provider does not list the model: a local
-- program lists what it has loaded.
CREATE TABLE model_overrides (
    provider_id BIGINT NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
    model_id TEXT NOT NULL,
    overrides TEXT NOT NULL,
    PRIMARY KEY (provider_id, model_id)
);

CREATE TABLE personas (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL CONSTRAINT personas_name_taken UNIQUE,
    description TEXT NOT NULL,
    -- Empty: none.
    instructions TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
