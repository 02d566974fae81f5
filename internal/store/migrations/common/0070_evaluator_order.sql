-- +goose Up

-- Where an evaluator stood in the document that brought it: flagd's engines put evaluators in one after the other, so that an
-- export in another order would be another document. What was imported before is in the order of the names.
ALTER TABLE evaluator ADD COLUMN position BIGINT NOT NULL DEFAULT 0;
