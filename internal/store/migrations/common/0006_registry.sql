-- +goose Up
CREATE TABLE environment (
  name     TEXT NOT NULL PRIMARY KEY,
  position BIGINT NOT NULL,
  tier     TEXT NOT NULL,
  governed BOOLEAN NOT NULL,
  revision BIGINT NOT NULL,
  version  BIGINT NOT NULL
) STRICT;
INSERT INTO environment (name, position, tier, governed, revision, version) VALUES
  ('sandbox', 1, 'sandbox', FALSE, 1, 1),
  ('staging', 2, 'test', FALSE, 1, 1),
  ('production', 3, 'production', TRUE, 1, 1);

CREATE TABLE segment (
  name        TEXT NOT NULL PRIMARY KEY,
  title       TEXT NOT NULL,
  description TEXT NOT NULL,
  everybody   BOOLEAN NOT NULL,
  group_names TEXT NOT NULL,
  people      TEXT NOT NULL,
  revision    BIGINT NOT NULL
) STRICT;
INSERT INTO segment (name, title, description, everybody, group_names, people, revision) VALUES
  ('internal', 'Everybody in the company', 'Everybody who uses the app', TRUE, '[]', '[]', 1),
  ('pilot', 'People in the pilot group', 'People who try new things first', FALSE, '["pilot"]', '[]', 1),
  ('beta', 'People in the beta group', 'People who try things before everybody gets them', FALSE, '["beta"]', '[]', 1);

CREATE TABLE flag (
  key              TEXT NOT NULL PRIMARY KEY,
  flag_id          TEXT NOT NULL UNIQUE,
  app              TEXT NOT NULL,
  name             TEXT NOT NULL,
  description      TEXT NOT NULL,
  type             TEXT NOT NULL,
  owner_group      TEXT NOT NULL,
  owner            TEXT NOT NULL,
  contact          TEXT NOT NULL,
  template_id      TEXT NOT NULL,
  template_version BIGINT NOT NULL,
  variants         TEXT NOT NULL,
  on_variant       TEXT NOT NULL,
  off_variant      TEXT NOT NULL,
  outside_variant  TEXT NOT NULL,
  audience         TEXT NOT NULL,
  client_side      BOOLEAN NOT NULL,
  search           TEXT NOT NULL,
  created_at       BIGINT NOT NULL,
  installed_at     BIGINT,
  removed_at       BIGINT,
  revision         BIGINT NOT NULL
) STRICT;
CREATE INDEX flag_created ON flag (created_at, key);
CREATE INDEX flag_app ON flag (app, created_at);

CREATE TABLE flag_environment (
  flag_key    TEXT NOT NULL,
  environment TEXT NOT NULL,
  live        BOOLEAN NOT NULL,
  revision    BIGINT NOT NULL,
  mode        TEXT NOT NULL,
  audience    TEXT NOT NULL,
  percent     BIGINT NOT NULL,
  killed_at   BIGINT,
  killed_by   TEXT NOT NULL,
  kill_reason TEXT NOT NULL,
  definition  TEXT NOT NULL,
  updated_at  BIGINT NOT NULL,
  PRIMARY KEY (flag_key, environment)
) STRICT;
CREATE INDEX flag_environment_live ON flag_environment (environment, live);
CREATE INDEX flag_environment_audience ON flag_environment (audience);

CREATE TABLE flag_revision (
  id          TEXT NOT NULL PRIMARY KEY,
  flag_key    TEXT NOT NULL,
  environment TEXT NOT NULL,
  revision    BIGINT NOT NULL,
  cause       TEXT NOT NULL,
  serving     TEXT NOT NULL,
  killed      BOOLEAN NOT NULL,
  definition  TEXT NOT NULL,
  actor       TEXT NOT NULL,
  at          BIGINT NOT NULL,
  reason      TEXT NOT NULL,
  request_id  TEXT NOT NULL,
  rollout_id  TEXT NOT NULL
) STRICT;
CREATE INDEX flag_revision_flag ON flag_revision (flag_key, id);

CREATE TABLE flag_number (
  app  TEXT NOT NULL PRIMARY KEY,
  last BIGINT NOT NULL
) STRICT;
