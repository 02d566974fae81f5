-- Who made what a person signs in by, where that was another person: a link that set a password, a token that opened a session.
-- Of passwords that are there already it is not known, and they count as their persons' own.

-- +goose Up
ALTER TABLE session ADD COLUMN made_by TEXT NOT NULL DEFAULT '';
ALTER TABLE password ADD COLUMN made_by TEXT NOT NULL DEFAULT '';
UPDATE session SET made_by = (SELECT t.made_by FROM api_token t WHERE t.id = session.token_id) WHERE token_id IS NOT NULL;
