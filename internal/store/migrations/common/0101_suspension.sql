-- +goose Up
-- A suspended administrator may only read and object: suspended is the proposal that they are suspended with, empty for everybody else,
-- and unsuspended_at when a suspension ended last.
ALTER TABLE person ADD COLUMN suspended TEXT NOT NULL DEFAULT '';
ALTER TABLE person ADD COLUMN unsuspended_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX person_suspended ON person (suspended) WHERE suspended <> '';

-- When a proposal takes effect by itself, if nobody objects; null where a second administrator has to confirm it.
ALTER TABLE proposal ADD COLUMN effect_at BIGINT;

-- Whom a proposal takes the rights of an administrator from, and what they objected.
CREATE TABLE proposal_removal (
  proposal_id TEXT NOT NULL REFERENCES proposal (id),
  person_id   TEXT NOT NULL REFERENCES person (id),
  objected_at BIGINT,
  reason      TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (proposal_id, person_id)
) STRICT;
CREATE INDEX proposal_removal_person ON proposal_removal (person_id);
