-- +goose Up
-- Kills that a replica serves and that are not committed yet, so that all replicas know of them: the record of each act, as JSON.
CREATE TABLE kill_early (
  id          TEXT NOT NULL PRIMARY KEY,
  environment TEXT NOT NULL,
  record      TEXT NOT NULL
) STRICT;
