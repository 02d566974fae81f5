-- +goose Up
-- How often a flag was evaluated. A count stands in exactly one row: what gets old is moved from minutes to hours to days, so that
-- the sum over all rows is always the truth. Rows without a flag are what could not be told apart.
CREATE TABLE usage_count (
  flag_key    TEXT NOT NULL,
  at          BIGINT NOT NULL, -- begin of the minute, hour or day
  environment TEXT NOT NULL,
  step        BIGINT NOT NULL, -- its length
  variant     TEXT NOT NULL,
  reason      TEXT NOT NULL,
  code        TEXT NOT NULL,
  count       BIGINT NOT NULL,
  PRIMARY KEY (flag_key, at, environment, step, variant, reason, code)
) STRICT;
CREATE INDEX usage_count_age ON usage_count (step, at);

-- Which SDK key asked for a flag, and when last.
CREATE TABLE usage_client (
  flag_key    TEXT NOT NULL,
  environment TEXT NOT NULL,
  sdk_key     TEXT NOT NULL, -- empty: a caller that needed none
  count       BIGINT NOT NULL,
  errors      BIGINT NOT NULL,
  first_at    BIGINT NOT NULL,
  last_at     BIGINT NOT NULL,
  PRIMARY KEY (flag_key, environment, sdk_key)
) STRICT;
CREATE INDEX usage_client_age ON usage_client (last_at);

-- The last part that each run of a replica wrote, so that one which is sent again after a lost answer counts once.
CREATE TABLE usage_flush (
  replica TEXT NOT NULL PRIMARY KEY,
  part    BIGINT NOT NULL,
  at      BIGINT NOT NULL
) STRICT;
