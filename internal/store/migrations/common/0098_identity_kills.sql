-- +goose Up
-- Who turned off, by the id that stays; empty for who is no person, or one whom nobody knows.
ALTER TABLE flag_environment ADD COLUMN killed_by_id TEXT NOT NULL DEFAULT '';
ALTER TABLE kill_act ADD COLUMN actor_id TEXT NOT NULL DEFAULT '';
UPDATE flag_environment SET killed_by_id = COALESCE((SELECT p.id FROM person p WHERE p.email = killed_by), '') WHERE killed_by <> '';
UPDATE kill_act SET actor_id = COALESCE((SELECT p.id FROM person p WHERE p.email = actor), '');
DROP INDEX kill_act_sent;
CREATE UNIQUE INDEX kill_act_sent ON kill_act ((COALESCE(NULLIF(actor_id, ''), actor)), sent_path, sent_key) WHERE sent_key IS NOT NULL;
