-- +goose Up
CREATE TABLE app (
  slug        TEXT NOT NULL PRIMARY KEY,
  name        TEXT NOT NULL,
  description TEXT NOT NULL,
  category    TEXT NOT NULL,
  owner       TEXT NOT NULL,
  contact     TEXT NOT NULL,
  kind        TEXT NOT NULL,
  url         TEXT NOT NULL,
  listed      BOOLEAN NOT NULL,
  held_until  BIGINT,
  search      TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  revision    BIGINT NOT NULL
) STRICT;
CREATE INDEX app_created ON app (created_at, slug);
CREATE INDEX app_owner ON app (owner);
