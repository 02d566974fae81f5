-- +goose Up
-- Failures to sign in are told to the audit log once an hour an account: how many were not told yet, and when it was told last.
ALTER TABLE sign_in_failure ADD COLUMN untold BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sign_in_failure ADD COLUMN told_at BIGINT NOT NULL DEFAULT 0;
