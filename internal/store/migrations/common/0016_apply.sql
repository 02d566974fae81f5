-- +goose Up
-- What files last said of a thing, so that a change by hand can be told from a change of the files, and what files no longer
-- name from what they never named.
CREATE TABLE applied (
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL,
  members    TEXT NOT NULL,
  applied_at BIGINT NOT NULL,
  applied_by TEXT NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT;
