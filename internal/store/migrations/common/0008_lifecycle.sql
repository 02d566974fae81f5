-- +goose Up
CREATE TABLE lifecycle (
  flag_key        TEXT NOT NULL PRIMARY KEY,
  state           TEXT NOT NULL,
  left_state      TEXT NOT NULL,
  since           BIGINT NOT NULL,
  ttl_days        BIGINT NOT NULL,
  max_active_days BIGINT NOT NULL,
  production_at   BIGINT,
  active_at       BIGINT,
  removal_plan    TEXT NOT NULL,
  revision        BIGINT NOT NULL
) STRICT;
CREATE INDEX lifecycle_state ON lifecycle (state);

CREATE TABLE lifecycle_rules (
  id                BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
  max_active_days   BIGINT NOT NULL,
  reminder_schedule TEXT NOT NULL,
  grace_days        BIGINT NOT NULL,
  revision          BIGINT NOT NULL
) STRICT;
INSERT INTO lifecycle_rules (id, max_active_days, reminder_schedule, grace_days, revision) VALUES (1, 90, '[30,14,7,1]', 7, 1);
