-- +goose Up

-- What changed that open requests rest on: a flag, an app, or with both empty what all rest on. The leader judges and settles the
-- requests, and deletes the marks. The request that made the change itself is left out.
CREATE TABLE request_mark (
  id       TEXT NOT NULL PRIMARY KEY,
  flag_key TEXT NOT NULL,
  app      TEXT NOT NULL,
  besides  TEXT NOT NULL
) STRICT;

-- By which rules a request was judged, by no others: what became looser since does not count for it.
ALTER TABLE request ADD COLUMN rules TEXT NOT NULL DEFAULT '';
