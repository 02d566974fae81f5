-- +goose Up
-- An act that was served before it was committed: at is when it was served, committed_at when it got here; NULL for an act that was
-- served because it was committed. sent_path and sent_key tell the same request again, by its Idempotency-Key.
ALTER TABLE kill_act ADD COLUMN committed_at BIGINT;
ALTER TABLE kill_act ADD COLUMN sent_path TEXT;
ALTER TABLE kill_act ADD COLUMN sent_key TEXT;
CREATE UNIQUE INDEX kill_act_sent ON kill_act (actor, sent_path, sent_key) WHERE sent_key IS NOT NULL;
