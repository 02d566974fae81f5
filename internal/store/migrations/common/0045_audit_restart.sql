-- +goose Up
-- A log that was set back goes on as another one, under a name of its own, with a tree of its own behind that of the one before:
-- first is the row of audit_leaf that holds its leaf 0, and size counts from there.
ALTER TABLE audit_head ADD COLUMN first BIGINT NOT NULL DEFAULT 0;
