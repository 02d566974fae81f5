-- +goose Up
CREATE TABLE rollout (
  id         TEXT NOT NULL PRIMARY KEY,
  flag_key   TEXT NOT NULL,
  app        TEXT NOT NULL,
  request_id TEXT NOT NULL,
  state      TEXT NOT NULL,
  step       BIGINT NOT NULL,
  steps      TEXT NOT NULL,
  reason     TEXT NOT NULL,
  killed_in  TEXT NOT NULL,
  paused_at  BIGINT,
  due_at     BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  revision   BIGINT NOT NULL
) STRICT;
CREATE INDEX rollout_created ON rollout (created_at, id);
CREATE INDEX rollout_flag ON rollout (flag_key, created_at);
CREATE INDEX rollout_due ON rollout (state, due_at);
-- A flag has at most one rollout that is not over.
CREATE UNIQUE INDEX rollout_open ON rollout (flag_key) WHERE state IN ('ready', 'running', 'paused');
