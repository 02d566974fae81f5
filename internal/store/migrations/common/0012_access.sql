-- +goose Up
ALTER TABLE person ADD COLUMN last_seen BIGINT;

-- Groups that people join and leave by themselves. Two exist from the start: who looks at new apps first.
ALTER TABLE grp ADD COLUMN joinable BOOLEAN NOT NULL DEFAULT FALSE;
INSERT INTO grp (name, title, roles, domains, delegated, scope, lists, revision, created_at, updated_at, joinable) VALUES
  ('pilot', 'Pilot', '[]', '[]', FALSE, '{}', FALSE, 1, 0, 0, TRUE),
  ('beta', 'Beta', '[]', '[]', FALSE, '{}', FALSE, 1, 0, 0, TRUE)
  ON CONFLICT (name) DO NOTHING;
UPDATE grp SET joinable = TRUE WHERE name IN ('pilot', 'beta') AND roles = '[]';

ALTER TABLE session ADD COLUMN user_agent TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN address TEXT NOT NULL DEFAULT '';

ALTER TABLE api_token ADD COLUMN replaced_by TEXT NOT NULL DEFAULT '';
ALTER TABLE sdk_key ADD COLUMN replaced_by TEXT NOT NULL DEFAULT '';
ALTER TABLE sdk_key ADD COLUMN last_used BIGINT;

CREATE TABLE password (
  person_id  TEXT NOT NULL PRIMARY KEY REFERENCES person (id),
  hash       TEXT NOT NULL,
  changed_at BIGINT NOT NULL
) STRICT;

-- Failures to sign in, by the hash of the account: also for addresses that nobody has, so that their absence tells nothing.
CREATE TABLE sign_in_failure (
  account  BYTEA NOT NULL PRIMARY KEY,
  failures BIGINT NOT NULL,
  last_at  BIGINT NOT NULL
) STRICT;
CREATE INDEX sign_in_failure_last ON sign_in_failure (last_at);

-- Where people have signed in from before: whoever guesses elsewhere locks nobody out there.
CREATE TABLE sign_in_place (
  person_id TEXT NOT NULL REFERENCES person (id),
  address   TEXT NOT NULL,
  last_at   BIGINT NOT NULL,
  PRIMARY KEY (person_id, address)
) STRICT;

CREATE TABLE one_time_link (
  id         TEXT NOT NULL PRIMARY KEY,
  hash       BYTEA NOT NULL UNIQUE,
  kind       TEXT NOT NULL,
  person_id  TEXT REFERENCES person (id),
  made_by    TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at   BIGINT,
  used       BOOLEAN NOT NULL
) STRICT;
CREATE INDEX one_time_link_open ON one_time_link (person_id) WHERE ended_at IS NULL;

CREATE TABLE proposal (
  id         TEXT NOT NULL PRIMARY KEY,
  action     TEXT NOT NULL,
  subject    TEXT NOT NULL,
  digest     TEXT NOT NULL,
  body       TEXT NOT NULL,
  base       BIGINT NOT NULL,
  words      TEXT NOT NULL,
  made_by    TEXT NOT NULL,
  made_at    BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  state      TEXT NOT NULL,
  ended_by   TEXT NOT NULL DEFAULT '',
  ended_at   BIGINT
) STRICT;
CREATE UNIQUE INDEX proposal_open ON proposal (subject, digest) WHERE state = 'open';
CREATE INDEX proposal_state ON proposal (state, id);
