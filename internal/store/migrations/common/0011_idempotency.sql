-- +goose Up
CREATE TABLE idempotency (
  actor  TEXT NOT NULL,
  path   TEXT NOT NULL,
  key    TEXT NOT NULL,
  digest TEXT NOT NULL,
  status BIGINT NOT NULL,
  etag   TEXT NOT NULL,
  kind   TEXT NOT NULL,
  body   TEXT NOT NULL,
  at     BIGINT NOT NULL,
  PRIMARY KEY (actor, path, key)
) STRICT;
CREATE INDEX idempotency_at ON idempotency (at);
