-- +goose Up
-- What one SDK key may ask of each replica; 0 is the default.
ALTER TABLE sdk_key ADD COLUMN requests_per_second BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sdk_key ADD COLUMN max_streams BIGINT NOT NULL DEFAULT 0;
