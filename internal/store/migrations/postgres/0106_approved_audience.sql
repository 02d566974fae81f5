-- +goose Up
-- What was approved before that was kept, as the requests tell it in JSON, which each engine reads in its own way.
INSERT INTO approved_audience (flag_key, segment, people, request_id)
SELECT flag_key, segment, people, id FROM (
  SELECT r.flag_key, r.id, r.assessment::json #>> '{impact,audience}' AS segment, CAST(r.assessment::json #>> '{impact,people}' AS BIGINT) AS people,
    row_number() OVER (PARTITION BY r.flag_key, r.assessment::json #>> '{impact,audience}' ORDER BY r.updated_at DESC, r.id DESC) AS place
  FROM request r WHERE r.state = 'approved' AND r.flag_key <> ''
    AND (r.kind IN ('publish_app', 'create_flag') OR r.kind = 'change_flag' AND r.environment IN (SELECT name FROM environment WHERE governed))
) AS told WHERE place = 1 AND segment <> '' AND people IS NOT NULL;
