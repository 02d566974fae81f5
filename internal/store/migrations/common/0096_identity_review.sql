-- +goose Up
-- Who asked, decided and commented, by the id that stays; empty for who is no person, or one whom nobody knows. The addresses beside
-- are those of now.
ALTER TABLE request ADD COLUMN requester_id TEXT NOT NULL DEFAULT '';
ALTER TABLE decision ADD COLUMN person_id TEXT NOT NULL DEFAULT '';
ALTER TABLE request_comment ADD COLUMN person_id TEXT NOT NULL DEFAULT '';
UPDATE request SET requester_id = COALESCE((SELECT p.id FROM person p WHERE p.email = requester), '');
UPDATE decision SET person_id = COALESCE((SELECT p.id FROM person p WHERE p.email = person), '');
UPDATE request_comment SET person_id = COALESCE((SELECT p.id FROM person p WHERE p.email = person), '');

-- Whom fields.owner named when it was written.
ALTER TABLE request ADD COLUMN field_owner_id TEXT NOT NULL DEFAULT '';

DROP INDEX request_requester;
CREATE INDEX request_requester ON request (requester_id, id);
DROP INDEX decision_person;
CREATE INDEX decision_person ON decision (person_id, request_id);
-- Nobody counts twice: one decision a person that counts.
DROP INDEX decision_once;
CREATE UNIQUE INDEX decision_once ON decision (request_id, (COALESCE(NULLIF(person_id, ''), person))) WHERE void = '';

-- Who answers for a flag, where that is a person.
ALTER TABLE flag ADD COLUMN owner_id TEXT NOT NULL DEFAULT '';
UPDATE flag SET owner_id = COALESCE((SELECT p.id FROM person p WHERE p.email = owner), '');
DROP INDEX flag_person;
CREATE INDEX flag_person ON flag (owner_id, created_at, key);
