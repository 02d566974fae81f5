-- +goose Up
-- A version of a template is written once and never changed.
CREATE TABLE template_version (
  id         TEXT NOT NULL,
  version    BIGINT NOT NULL,
  document   TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (id, version)
) STRICT;
