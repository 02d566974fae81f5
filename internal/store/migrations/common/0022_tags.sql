-- +goose Up
-- What owners call a flag by besides its key, so that flags of many apps are found, and turned off, together.
CREATE TABLE flag_tag (
  tag      TEXT NOT NULL,
  flag_key TEXT NOT NULL,
  PRIMARY KEY (tag, flag_key)
) STRICT;
CREATE INDEX flag_tag_flag ON flag_tag (flag_key, tag);
