-- +goose Up
-- The people who made a credential, or what it was made with, by their ids, separated by spaces; never its own person. They may hold it,
-- too. Of sessions from before it is not known whether a link or a password began them: they count as begun by a link. A session that
-- a password begins has none.
ALTER TABLE api_token ADD COLUMN makers TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN makers TEXT NOT NULL DEFAULT '';
ALTER TABLE one_time_link ADD COLUMN makers TEXT NOT NULL DEFAULT '';
UPDATE api_token SET makers = made_by_id WHERE made_by_id <> person_id;
UPDATE session SET makers = made_by_id WHERE made_by_id <> person_id;
UPDATE one_time_link SET makers = made_by_id WHERE made_by_id <> COALESCE(person_id, '');

-- The same of the credentials by which a request was asked for or edited, and by which it was decided.
ALTER TABLE request ADD COLUMN makers TEXT NOT NULL DEFAULT '';
ALTER TABLE decision ADD COLUMN makers TEXT NOT NULL DEFAULT '';
