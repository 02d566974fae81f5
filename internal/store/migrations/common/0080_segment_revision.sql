-- +goose Up
-- What a segment was at each of its revisions, so that the one before can be put back.
CREATE TABLE segment_revision (
  name        TEXT NOT NULL,
  revision    BIGINT NOT NULL,
  title       TEXT NOT NULL,
  description TEXT NOT NULL,
  everybody   BOOLEAN NOT NULL,
  group_names TEXT NOT NULL,
  people      TEXT NOT NULL,
  rules       TEXT NOT NULL,
  rule_match  TEXT NOT NULL,
  actor       TEXT NOT NULL,
  at          BIGINT NOT NULL,
  request_id  TEXT NOT NULL,
  PRIMARY KEY (name, revision)
) STRICT;
INSERT INTO segment_revision (name, revision, title, description, everybody, group_names, people, rules, rule_match, actor, at, request_id)
SELECT name, revision, title, description, everybody, group_names, people, rules, rule_match, '', 0, '' FROM segment;
