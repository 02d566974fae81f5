-- +goose Up
-- The modules that people put. A row with the origin "standard" has no source: it says that a policy of the standard
-- library, which is inside the program, is switched off.
CREATE TABLE policy_module (
  name       TEXT NOT NULL PRIMARY KEY,
  origin     TEXT NOT NULL,
  source     TEXT NOT NULL,
  file       TEXT NOT NULL,
  active     BOOLEAN NOT NULL,
  owner      TEXT NOT NULL,
  revision   BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
) STRICT;

-- One row. The token changes with every change of a module, so that a compiled set knows whether it is still the set.
CREATE TABLE policy_head (
  token TEXT NOT NULL
) STRICT;
INSERT INTO policy_head (token) VALUES ('');
