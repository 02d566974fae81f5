-- +goose Up
-- Why a decision no longer counts, empty while it counts. Until now it was worked out from the digest, so that editing back
-- made a void one count again.
ALTER TABLE decision ADD COLUMN void TEXT NOT NULL DEFAULT '';
UPDATE decision SET void = 'edited' WHERE digest <> (SELECT r.digest FROM request r WHERE r.id = decision.request_id);
-- Nobody counts twice: one decision a person that counts.
DROP INDEX decision_once;
CREATE UNIQUE INDEX decision_once ON decision (request_id, person) WHERE void = '';
CREATE INDEX decision_request ON decision (request_id, id);
