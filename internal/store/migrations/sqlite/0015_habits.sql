-- +goose Up
-- What people search for, and whom an event is about, beside its bytes. What is there already is filled in from the bytes; the
-- bytes themselves, which are the leaf, stay as they are.
ALTER TABLE audit_event ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_event ADD COLUMN search TEXT NOT NULL DEFAULT '';
DROP TRIGGER audit_event_update;
UPDATE audit_event SET subject = coalesce(json_extract(body, '$.subject'), ''), search = lower(body);
-- +goose StatementBegin
CREATE TRIGGER audit_event_update BEFORE UPDATE ON audit_event BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END;
-- +goose StatementEnd
CREATE INDEX audit_event_subject ON audit_event (subject, at, id);

-- A value sealed with the installation's secret key, by which a replica with another key is found out.
CREATE TABLE seal_check (
  id     TEXT NOT NULL PRIMARY KEY,
  sealed TEXT NOT NULL,
  at     INTEGER NOT NULL
) STRICT;
