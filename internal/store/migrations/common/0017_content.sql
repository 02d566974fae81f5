-- +goose Up
-- Rules over the context, as a list of {attribute, operator, values}, and whether all or any of them must hold.
ALTER TABLE segment ADD COLUMN rules TEXT NOT NULL DEFAULT '[]';
ALTER TABLE segment ADD COLUMN rule_match TEXT NOT NULL DEFAULT 'all';

-- Templates that nobody may begin with any more. Requests that were made from one keep it.
CREATE TABLE template_retired (
  id         TEXT NOT NULL PRIMARY KEY,
  retired_at BIGINT NOT NULL,
  retired_by TEXT NOT NULL
) STRICT;

ALTER TABLE app ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
UPDATE app SET updated_at = created_at;
CREATE INDEX app_updated ON app (updated_at, slug);
CREATE INDEX app_name ON app (name, slug);
-- Rows are never deleted and their revisions only grow, so that count and sum of revisions name a state of the table.
CREATE INDEX app_state ON app (revision);
