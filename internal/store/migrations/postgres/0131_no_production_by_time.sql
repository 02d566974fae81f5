-- +goose Up
-- In production nothing goes on by time alone: steps that are still to come there wait for a person.
UPDATE rollout SET steps = (
  SELECT jsonb_agg(CASE
      WHEN s.value ->> 'promote' = 'time' AND s.value ->> 'state' IN ('pending', 'baking')
        AND s.value ->> 'environment' IN (SELECT name FROM environment WHERE tier = 'production')
      THEN jsonb_set(s.value, '{promote}', '"person"') ELSE s.value END ORDER BY s.place)::text
  FROM jsonb_array_elements(rollout.steps::jsonb) WITH ORDINALITY AS s(value, place))
WHERE state IN ('ready', 'running', 'paused');

-- The step that bakes asks a person when time would have promoted it.
UPDATE rollout SET ask_at = due_at, due_at = NULL
WHERE state = 'running' AND due_at IS NOT NULL AND steps::jsonb -> step::int ->> 'promote' = 'person';
