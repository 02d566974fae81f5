-- +goose Up
-- Of a custom serving, or one with variants of its own: the whole of it as JSON. Empty: mode, audience and percent say all.
ALTER TABLE flag_environment ADD COLUMN serving TEXT NOT NULL DEFAULT '';

-- What lists of flags are sorted and narrowed by. Package lifecycle keeps state, expires_at and read_only through a step.
ALTER TABLE flag ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE flag ADD COLUMN read_only BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE flag ADD COLUMN state TEXT NOT NULL DEFAULT '';
ALTER TABLE flag ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 9223372036854775807; -- never

ALTER TABLE lifecycle ADD COLUMN extended_until BIGINT;
ALTER TABLE lifecycle ADD COLUMN extended_at BIGINT;
ALTER TABLE lifecycle ADD COLUMN grace_days BIGINT NOT NULL DEFAULT -1;
ALTER TABLE lifecycle ADD COLUMN grace_ends_at BIGINT;

UPDATE flag SET
  state = COALESCE((SELECT l.state FROM lifecycle l WHERE l.flag_key = flag.key), ''),
  updated_at = COALESCE((SELECT MAX(s.updated_at) FROM flag_environment s WHERE s.flag_key = flag.key), flag.created_at),
  read_only = removed_at IS NOT NULL,
  expires_at = COALESCE((SELECT CASE
      WHEN l.production_at IS NULL THEN l.active_at + l.max_active_days * 86400000000
      WHEN l.active_at IS NULL OR l.production_at + l.ttl_days * 86400000000 < l.active_at + l.max_active_days * 86400000000
        THEN l.production_at + l.ttl_days * 86400000000
      ELSE l.active_at + l.max_active_days * 86400000000 END
    FROM lifecycle l WHERE l.flag_key = flag.key), 9223372036854775807);

-- When a person is to be asked whether to go on; what was running before keeps NULL until it moves.
ALTER TABLE rollout ADD COLUMN ask_at BIGINT;

DROP INDEX flag_created;
DROP INDEX flag_app;
CREATE INDEX flag_created ON flag (created_at, key);
CREATE INDEX flag_updated ON flag (updated_at, key);
CREATE INDEX flag_expires ON flag (expires_at, key);
CREATE INDEX flag_key ON flag (key COLLATE "C");
CREATE INDEX flag_app ON flag (app, created_at, key);
CREATE INDEX flag_owner ON flag (owner_group, created_at, key);
CREATE INDEX flag_person ON flag (owner, created_at, key);
CREATE INDEX flag_template ON flag (template_id, created_at, key);
CREATE INDEX flag_state ON flag (state, created_at, key);
CREATE INDEX flag_state_expires ON flag (state, expires_at, key);

DROP INDEX flag_environment_live;
CREATE INDEX flag_environment_live ON flag_environment (environment, live, revision);
CREATE INDEX flag_environment_changed ON flag_environment (environment, revision);
CREATE INDEX flag_environment_mode ON flag_environment (environment, mode, flag_key, live, killed_at);
CREATE INDEX flag_environment_killed ON flag_environment (environment, killed_at);
CREATE INDEX flag_environment_killed_anywhere ON flag_environment (killed_at) WHERE killed_at IS NOT NULL;

CREATE UNIQUE INDEX flag_revision_at ON flag_revision (flag_key, environment, revision);

CREATE INDEX rollout_state ON rollout (state, created_at, id);
CREATE INDEX rollout_app ON rollout (app, created_at, id);
