-- +goose Up

-- What no list of requests shows, and what may be megabytes: imported documents, attached files, the diff. Requests from
-- before have them in content and assessment until they are saved again.
ALTER TABLE request ADD COLUMN bulk TEXT NOT NULL DEFAULT '';
