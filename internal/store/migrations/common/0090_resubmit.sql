-- +goose Up
-- How often a request was submitted again to be judged anew. It is part of the digest where it is above 0, so that digests from
-- before stay.
ALTER TABLE request ADD COLUMN resubmits BIGINT NOT NULL DEFAULT 0;
-- Whether what counts for it is stricter than what it would be judged by now.
ALTER TABLE request ADD COLUMN stricter BOOLEAN NOT NULL DEFAULT FALSE;
