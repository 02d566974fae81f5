-- +goose Up
-- What service accounts last reported of the checks of a request, by the digest of the content that they looked at: edited content has
-- another one. It counts until it expires.
CREATE TABLE check_report (
  request_id TEXT NOT NULL,
  name       TEXT NOT NULL, -- of the check
  digest     TEXT NOT NULL,
  status     TEXT NOT NULL, -- passed, warned, failed
  findings   TEXT NOT NULL, -- JSON
  url        TEXT NOT NULL, -- of the report; may be empty
  person     TEXT NOT NULL, -- address of the service account at that time
  person_id  TEXT NOT NULL,
  makers     TEXT NOT NULL, -- of its token, by their ids, separated by spaces
  at         BIGINT NOT NULL,
  expires_at BIGINT, -- NULL: it does not
  PRIMARY KEY (request_id, name, digest)
) STRICT;
