-- +goose Up
-- The act that holds a flag off is named by its id, no longer by its actor and time. It is NULL for what was turned off before acts
-- were kept, and for what is not off.
ALTER TABLE flag_environment ADD COLUMN kill_id TEXT;
UPDATE flag_environment SET kill_id = (
  SELECT a.id FROM kill_act a
  WHERE a.environment = flag_environment.environment AND a.actor = flag_environment.killed_by AND a.at = flag_environment.killed_at
) WHERE killed_at IS NOT NULL;
DROP INDEX kill_act_at;
CREATE INDEX flag_environment_kill ON flag_environment (kill_id) WHERE kill_id IS NOT NULL;
