-- +goose Up
-- An event has a leaf in each of the logs that it stands in, so that its id is not unique here any more.
ALTER TABLE audit_leaf DROP CONSTRAINT audit_leaf_event_id_key;
CREATE INDEX audit_leaf_event ON audit_leaf (event_id, idx);
