-- +goose Up
-- How many people a group may have for somebody to join it by themselves, where a switch in a governed environment is for it; 0 is the
-- usual number.
ALTER TABLE grp ADD COLUMN max_members BIGINT NOT NULL DEFAULT 0;
