-- +goose Up
-- Whether a comment answered what approvers had asked for.
ALTER TABLE request_comment ADD COLUMN answers BOOLEAN NOT NULL DEFAULT FALSE;
