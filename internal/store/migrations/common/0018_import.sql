-- +goose Up
-- The format that a flag was imported from; empty: it was made here.
ALTER TABLE flag ADD COLUMN imported TEXT NOT NULL DEFAULT '';

-- Rules with a name that imported flags of an environment share, as flagd's $evaluators. Segments are told apart from them by
-- their own table; no name stands in both with other content.
CREATE TABLE evaluator (
  environment TEXT NOT NULL,
  name        TEXT NOT NULL,
  rule        TEXT NOT NULL,
  PRIMARY KEY (environment, name)
) STRICT;
CREATE INDEX evaluator_name ON evaluator (name);
