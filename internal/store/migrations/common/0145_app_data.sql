-- +goose Up
-- How sensitive the data is that an app shows, and what for, as its team says; empty for an app whose team was not asked.
ALTER TABLE app ADD COLUMN data_classification TEXT NOT NULL DEFAULT '';
ALTER TABLE app ADD COLUMN data_why TEXT NOT NULL DEFAULT '';
