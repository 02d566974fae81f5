-- +goose Up
-- Whether those who may still decide are too few for the approvals that a request needs. It is as of when the request was settled
-- last, which changes of people and groups bring about.
ALTER TABLE request ADD COLUMN stuck BOOLEAN NOT NULL DEFAULT FALSE;
