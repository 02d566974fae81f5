-- +goose Up
-- Whether somebody ever had what one signs in or acts by: a password, a session or a token. It stays when these end.
ALTER TABLE person ADD COLUMN joined BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE person SET joined = TRUE WHERE
  EXISTS (SELECT 1 FROM password w WHERE w.person_id = person.id) OR
  EXISTS (SELECT 1 FROM session s WHERE s.person_id = person.id) OR
  EXISTS (SELECT 1 FROM api_token t WHERE t.person_id = person.id);
