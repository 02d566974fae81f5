-- +goose Up
ALTER TABLE request ADD COLUMN draft BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE request ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE request ADD COLUMN category TEXT NOT NULL DEFAULT '';
ALTER TABLE request ADD COLUMN risk BIGINT NOT NULL DEFAULT 0;
ALTER TABLE request ADD COLUMN search TEXT NOT NULL DEFAULT '';
ALTER TABLE request ADD COLUMN waiting_since BIGINT NOT NULL DEFAULT 0;
UPDATE request SET waiting_since = updated_at, search = lower(app || ' ' || flag_key || ' ' || requester),
  risk = CASE WHEN assessment LIKE '%"risk":"high"%' THEN 3 WHEN assessment LIKE '%"risk":"medium"%' THEN 2 ELSE 1 END;
CREATE INDEX request_updated ON request (updated_at, id);
CREATE INDEX request_risk ON request (risk, id);
CREATE INDEX request_kind ON request (kind, id);
CREATE INDEX decision_person ON decision (person, request_id);

CREATE TABLE request_comment (
  id         TEXT NOT NULL PRIMARY KEY,
  request_id TEXT NOT NULL REFERENCES request (id),
  digest     TEXT NOT NULL,
  person     TEXT NOT NULL,
  words      TEXT NOT NULL,
  at         BIGINT NOT NULL
) STRICT;
CREATE INDEX request_comment_of ON request_comment (request_id, id);
