-- +goose Up
-- The address alone finds only what was done by who is no person, or before events had the ids of people; in the order of time, without
-- passing by all that the same people did since.
DROP INDEX audit_event_actor;
CREATE INDEX audit_event_actor ON audit_event (actor, at, id) WHERE actor_id = '';
