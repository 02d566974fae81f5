-- +goose Up
-- Of a custom serving, or one with variants of its own: the whole of it as JSON. Empty: mode, audience and percent say all.
ALTER TABLE flag_environment ADD COLUMN serving TEXT NOT NULL DEFAULT '';

-- What lists of flags are sorted and narrowed by. Package lifecycle keeps state, expires_at and read_only through a step.
ALTER TABLE flag ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE flag ADD COLUMN read_only BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE flag ADD COLUMN state TEXT NOT NULL DEFAULT '';
ALTER TABLE flag ADD COLUMN expires_at BIGINT;

ALTER TABLE lifecycle ADD COLUMN extended_until BIGINT;
ALTER TABLE lifecycle ADD COLUMN extended_at BIGINT;
ALTER TABLE lifecycle ADD COLUMN grace_days BIGINT NOT NULL DEFAULT -1;
ALTER TABLE lifecycle ADD COLUMN grace_ends_at BIGINT;

UPDATE flag SET
  state = COALESCE((SELECT l.state FROM lifecycle l WHERE l.flag_key = flag.key), ''),
  updated_at = COALESCE((SELECT MAX(s.updated_at) FROM flag_environment s WHERE s.flag_key = flag.key), flag.created_at),
  read_only = removed_at IS NOT NULL,
  expires_at = (SELECT CASE
      WHEN l.production_at IS NULL THEN l.active_at + l.max_active_days * 86400000000
      WHEN l.active_at IS NULL OR l.production_at + l.ttl_days * 86400000000 < l.active_at + l.max_active_days * 86400000000
        THEN l.production_at + l.ttl_days * 86400000000
      ELSE l.active_at + l.max_active_days * 86400000000 END
    FROM lifecycle l WHERE l.flag_key = flag.key);

CREATE UNIQUE INDEX flag_revision_at ON flag_revision (flag_key, environment, revision);
