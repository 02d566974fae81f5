-- +goose Up
CREATE TABLE person (
  id           TEXT NOT NULL PRIMARY KEY,
  email        TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL,
  agent        BOOLEAN NOT NULL,
  active       BOOLEAN NOT NULL,
  search       TEXT NOT NULL,
  revision     BIGINT NOT NULL,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL
) STRICT;

CREATE TABLE grp (
  name         TEXT NOT NULL PRIMARY KEY,
  title        TEXT NOT NULL,
  roles        TEXT NOT NULL,
  domains      TEXT NOT NULL,
  delegated    BOOLEAN NOT NULL,
  scope        TEXT NOT NULL,
  lists        BOOLEAN NOT NULL,
  revision     BIGINT NOT NULL,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL
) STRICT;

CREATE TABLE person_group (
  person_id  TEXT NOT NULL REFERENCES person (id),
  group_name TEXT NOT NULL REFERENCES grp (name),
  PRIMARY KEY (person_id, group_name)
) STRICT;
CREATE INDEX person_group_group ON person_group (group_name, person_id);

CREATE TABLE api_token (
  id         TEXT NOT NULL PRIMARY KEY,
  hash       BYTEA NOT NULL UNIQUE,
  prefix     TEXT NOT NULL,
  name       TEXT NOT NULL,
  person_id  TEXT NOT NULL REFERENCES person (id),
  scope      TEXT NOT NULL,
  made_by    TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  last_used  BIGINT,
  revision   BIGINT NOT NULL
) STRICT;
CREATE INDEX api_token_person ON api_token (person_id, id);

CREATE TABLE session (
  id         TEXT NOT NULL PRIMARY KEY,
  hash       BYTEA NOT NULL UNIQUE,
  person_id  TEXT NOT NULL REFERENCES person (id),
  token_id   TEXT REFERENCES api_token (id),
  created_at BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL
) STRICT;
CREATE INDEX session_person ON session (person_id);
CREATE INDEX session_seen ON session (seen_at);
CREATE INDEX session_created ON session (created_at);

CREATE TABLE sdk_key (
  id          TEXT NOT NULL PRIMARY KEY,
  hash        BYTEA NOT NULL UNIQUE,
  prefix      TEXT NOT NULL,
  name        TEXT NOT NULL,
  environment TEXT NOT NULL,
  app         TEXT NOT NULL,
  client_side BOOLEAN NOT NULL,
  origins     TEXT NOT NULL,
  made_by     TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT,
  revoked_at  BIGINT,
  revision    BIGINT NOT NULL
) STRICT;
CREATE INDEX sdk_key_app ON sdk_key (app, id);
