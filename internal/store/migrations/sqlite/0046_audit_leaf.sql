-- +goose Up
-- An event has a leaf in each of the logs that it stands in, so that its id is not unique here any more.
CREATE TABLE audit_leaf_new (
  idx      INTEGER NOT NULL PRIMARY KEY,
  event_id TEXT NOT NULL
) STRICT;
INSERT INTO audit_leaf_new (idx, event_id) SELECT idx, event_id FROM audit_leaf;
DROP TABLE audit_leaf;
ALTER TABLE audit_leaf_new RENAME TO audit_leaf;
CREATE INDEX audit_leaf_event ON audit_leaf (event_id, idx);
-- +goose StatementBegin
CREATE TRIGGER audit_leaf_update BEFORE UPDATE ON audit_leaf BEGIN SELECT RAISE(ABORT, 'audit_leaf is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_leaf_delete BEFORE DELETE ON audit_leaf BEGIN SELECT RAISE(ABORT, 'audit_leaf is append-only'); END;
-- +goose StatementEnd
