-- +goose Up
-- Every address that a person has or had, and since when; 0 is from before addresses could change. An address that was given up may be
-- somebody else's later.
CREATE TABLE person_address (
  email     TEXT NOT NULL,
  person_id TEXT NOT NULL REFERENCES person (id),
  since     BIGINT NOT NULL,
  PRIMARY KEY (email, person_id)
) STRICT;
INSERT INTO person_address (email, person_id, since) SELECT email, id, 0 FROM person;
CREATE INDEX person_address_person ON person_address (person_id);

-- Who acted, by the id that stays. Events from before have none, since their bytes stay as they are.
ALTER TABLE audit_event ADD COLUMN actor_id TEXT NOT NULL DEFAULT '';
CREATE INDEX audit_event_actor_id ON audit_event (actor_id, at, id);

-- Who made what lets in, and who proposed what waits for a second administrator; empty for who is no person, or one whom nobody knows.
ALTER TABLE api_token ADD COLUMN made_by_id TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN made_by_id TEXT NOT NULL DEFAULT '';
ALTER TABLE password ADD COLUMN made_by_id TEXT NOT NULL DEFAULT '';
ALTER TABLE one_time_link ADD COLUMN made_by_id TEXT NOT NULL DEFAULT '';
ALTER TABLE sdk_key ADD COLUMN made_by_id TEXT NOT NULL DEFAULT '';
ALTER TABLE proposal ADD COLUMN made_by_id TEXT NOT NULL DEFAULT '';
UPDATE api_token SET made_by_id = COALESCE((SELECT p.id FROM person p WHERE p.email = made_by), '');
UPDATE session SET made_by_id = COALESCE((SELECT p.id FROM person p WHERE p.email = made_by), '');
UPDATE password SET made_by_id = COALESCE((SELECT p.id FROM person p WHERE p.email = made_by), '');
UPDATE one_time_link SET made_by_id = COALESCE((SELECT p.id FROM person p WHERE p.email = made_by), '');
UPDATE sdk_key SET made_by_id = COALESCE((SELECT p.id FROM person p WHERE p.email = made_by), '');
UPDATE proposal SET made_by_id = COALESCE((SELECT p.id FROM person p WHERE p.email = made_by), '');

-- Requests that are remembered by their Idempotency-Key.
UPDATE idempotency SET actor = (SELECT p.id FROM person p WHERE p.email = actor) WHERE actor IN (SELECT email FROM person);
