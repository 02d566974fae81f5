-- +goose Up
-- Whose account it is, so that the audit log is told of failures after which nobody tried again; empty for an address that nobody has.
ALTER TABLE sign_in_failure ADD COLUMN person_id TEXT NOT NULL DEFAULT '';
