-- +goose Up
-- Every kill, of one flag or of all flags of a selection. The flags that an act still holds off are those that are killed at
-- its time by its actor. settled_at is when its receipt was written into the audit log and here.
CREATE TABLE kill_act (
  id          TEXT NOT NULL PRIMARY KEY,
  environment TEXT NOT NULL,
  revision    BIGINT NOT NULL,
  kind        TEXT NOT NULL,
  name        TEXT NOT NULL,
  flags       BIGINT NOT NULL,
  rollouts    BIGINT NOT NULL,
  reason      TEXT NOT NULL,
  actor       TEXT NOT NULL,
  at          BIGINT NOT NULL,
  settled_at  BIGINT,
  receipt     TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX kill_act_selection ON kill_act (kind, name, environment, id);
CREATE UNIQUE INDEX kill_act_at ON kill_act (environment, actor, at);
CREATE INDEX kill_act_open ON kill_act (id) WHERE settled_at IS NULL;

-- The processes that serve SDKs. beats grows while one lives; who watches counts by that, not by anybody's clock.
CREATE TABLE replica (
  id    TEXT NOT NULL PRIMARY KEY,
  name  TEXT NOT NULL,
  beats BIGINT NOT NULL
) STRICT;

-- What a replica says of how a revision got to its clients, until that is settled.
CREATE TABLE kill_receipt (
  environment TEXT NOT NULL,
  revision    BIGINT NOT NULL,
  replica     TEXT NOT NULL,
  name        TEXT NOT NULL,
  body        TEXT NOT NULL,
  PRIMARY KEY (environment, revision, replica)
) STRICT;

-- The latest revision of an environment that an administrator gave up, after the database came back older than what was
-- served: whatever was served up to it may be replaced by older flags.
CREATE TABLE environment_given_up (
  environment TEXT NOT NULL PRIMARY KEY,
  revision    BIGINT NOT NULL,
  actor       TEXT NOT NULL,
  at          BIGINT NOT NULL
) STRICT;

-- What was turned off on a replica without its database and has been carried out since, so that it is told once.
CREATE TABLE kill_carried (
  id TEXT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL
) STRICT;
