-- +goose Up
-- A mark may name one request. One that could not be settled is marked anew under its own id: how often it was tried, and when it is
-- tried next.
ALTER TABLE request_mark ADD COLUMN request TEXT NOT NULL DEFAULT '';
ALTER TABLE request_mark ADD COLUMN tries BIGINT NOT NULL DEFAULT 0;
ALTER TABLE request_mark ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
