-- +goose Up
-- Free text that an event holds as a salted hash only: a row can be deleted, as law may demand, and breaks no proof.
CREATE TABLE audit_text (
  event_id TEXT NOT NULL,
  path     TEXT NOT NULL,
  salt     BYTEA NOT NULL,
  text     TEXT NOT NULL,
  PRIMARY KEY (event_id, path)
) STRICT;
