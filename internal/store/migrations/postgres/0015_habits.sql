-- +goose Up
-- What people search for, and whom an event is about, beside its bytes. What is there already is filled in from the bytes; the
-- bytes themselves, which are the leaf, stay as they are.
ALTER TABLE audit_event ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_event ADD COLUMN search TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_event DISABLE TRIGGER audit_event_append_only;
UPDATE audit_event SET subject = coalesce(body::json ->> 'subject', ''), search = lower(body);
ALTER TABLE audit_event ENABLE TRIGGER audit_event_append_only;
CREATE INDEX audit_event_subject ON audit_event (subject, at, id);

-- A value sealed with the installation's secret key, by which a replica with another key is found out.
CREATE TABLE seal_check (
  id     TEXT NOT NULL PRIMARY KEY,
  sealed TEXT NOT NULL,
  at     BIGINT NOT NULL
);
