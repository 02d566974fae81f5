-- +goose Up
-- How many flags lacked what on a day, in UTC, as it was last looked at on it.
CREATE TABLE compliance_day (
  day        TEXT NOT NULL PRIMARY KEY, -- 2026-01-31
  flags      BIGINT NOT NULL,
  complete   BIGINT NOT NULL,
  no_owner   BIGINT NOT NULL,
  no_contact BIGINT NOT NULL,
  no_ttl     BIGINT NOT NULL,
  no_kill    BIGINT NOT NULL
) STRICT;
