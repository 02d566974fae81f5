-- +goose Up
-- In production nothing goes on by time alone: steps that are still to come there wait for a person.
UPDATE rollout SET steps = (
  SELECT json_group_array(json(CASE
      WHEN json_extract(s.value, '$.promote') = 'time' AND json_extract(s.value, '$.state') IN ('pending', 'baking')
        AND json_extract(s.value, '$.environment') IN (SELECT name FROM environment WHERE tier = 'production')
      THEN json_set(s.value, '$.promote', 'person') ELSE s.value END))
  FROM json_each(rollout.steps) s)
WHERE state IN ('ready', 'running', 'paused');

-- The step that bakes asks a person when time would have promoted it.
UPDATE rollout SET ask_at = due_at, due_at = NULL
WHERE state = 'running' AND due_at IS NOT NULL AND json_extract(steps, '$[' || step || '].promote') = 'person';
