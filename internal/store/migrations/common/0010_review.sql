-- +goose Up
CREATE TABLE request (
  id               TEXT NOT NULL PRIMARY KEY,
  kind             TEXT NOT NULL,
  state            TEXT NOT NULL,
  app              TEXT NOT NULL,
  flag_key         TEXT NOT NULL,
  flag_id          TEXT NOT NULL,
  environment      TEXT NOT NULL,
  requester        TEXT NOT NULL,
  authors          TEXT NOT NULL,
  content          TEXT NOT NULL,
  template_id      TEXT NOT NULL,
  template_version BIGINT NOT NULL,
  digest           TEXT NOT NULL,
  assessment       TEXT NOT NULL,
  quorum           TEXT NOT NULL,
  rollout_id       TEXT NOT NULL,
  created_at       BIGINT NOT NULL,
  updated_at       BIGINT NOT NULL,
  revision         BIGINT NOT NULL
) STRICT;
CREATE INDEX request_state ON request (state, id);
CREATE INDEX request_app ON request (app, id);
CREATE INDEX request_flag ON request (flag_key, id);
CREATE INDEX request_requester ON request (requester, id);

CREATE TABLE decision (
  id            TEXT NOT NULL PRIMARY KEY,
  request_id    TEXT NOT NULL REFERENCES request (id),
  digest        TEXT NOT NULL,
  domain        TEXT NOT NULL,
  person        TEXT NOT NULL,
  verdict       TEXT NOT NULL,
  reason        TEXT NOT NULL,
  foreign_token BOOLEAN NOT NULL,
  at            BIGINT NOT NULL
) STRICT;
-- Nobody counts twice: one decision a person and digest.
CREATE UNIQUE INDEX decision_once ON decision (request_id, digest, person);
