-- +goose Up
-- The people who may be behind the link by which a password was chosen, as the makers of that link; never the password's own person. Of
-- passwords from before only one of them is known.
ALTER TABLE password ADD COLUMN makers TEXT NOT NULL DEFAULT '';
UPDATE password SET makers = made_by_id WHERE made_by_id <> person_id;

-- The makers of passwords that a credential, or what it was made with, began with. What has makers was begun by a link or a token.
ALTER TABLE api_token ADD COLUMN choosers TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN choosers TEXT NOT NULL DEFAULT '';
ALTER TABLE one_time_link ADD COLUMN choosers TEXT NOT NULL DEFAULT '';
UPDATE api_token SET choosers = made_by_id WHERE made_by_id <> person_id AND makers = '';
UPDATE session SET choosers = made_by_id WHERE made_by_id <> person_id AND makers = '';
UPDATE one_time_link SET choosers = made_by_id WHERE made_by_id <> COALESCE(person_id, '') AND makers = '';
