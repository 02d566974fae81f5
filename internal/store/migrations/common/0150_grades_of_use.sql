-- +goose Up
-- When a client last used a flag, by what is known of it: asked for by its key, delivered with all flags, delivered in a document that
-- the client evaluates by itself. 0 is never. Of what was counted before, nobody knows that it was asked for by its key.
ALTER TABLE usage_client ADD COLUMN asked_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_client ADD COLUMN bulk_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_client ADD COLUMN synced_at BIGINT NOT NULL DEFAULT 0;
UPDATE usage_client SET bulk_at = last_at;

-- Why a flag entered production that no program had asked for, and since when time waits for one to ask.
ALTER TABLE rollout ADD COLUMN unseen TEXT NOT NULL DEFAULT '';
ALTER TABLE rollout ADD COLUMN waits_at BIGINT;
