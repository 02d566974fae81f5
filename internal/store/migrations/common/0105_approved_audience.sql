-- +goose Up
-- How many people were known to be in a segment when the last request was carried out that a flag is for them by.
CREATE TABLE approved_audience (
  flag_key   TEXT NOT NULL,
  segment    TEXT NOT NULL,
  people     BIGINT NOT NULL,
  request_id TEXT NOT NULL,
  PRIMARY KEY (flag_key, segment)
) STRICT;
CREATE INDEX approved_audience_segment ON approved_audience (segment, people);
-- When somebody joined a group; 0 for whoever was in it before that was kept.
ALTER TABLE person_group ADD COLUMN joined_at BIGINT NOT NULL DEFAULT 0;
