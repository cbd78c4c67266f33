-- A rule may name a model or a deployment of its workspace instead of a provider's model.
ALTER TABLE rules ADD COLUMN target_name TEXT;
