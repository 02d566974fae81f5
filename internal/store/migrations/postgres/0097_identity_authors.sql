-- +goose Up
-- What is JSON, which each engine reads in its own way: the authors of a request, and whom fields.owner named.
UPDATE request SET authors = COALESCE((
  SELECT json_agg(CASE WHEN p.id IS NULL THEN a.value ELSE a.value || jsonb_build_object('id', p.id) END ORDER BY a.place)::text
  FROM jsonb_array_elements(request.authors::jsonb) WITH ORDINALITY AS a (value, place) LEFT JOIN person p ON p.email = a.value ->> 'email'
), '[]');
UPDATE request SET field_owner_id = COALESCE((SELECT p.id FROM person p WHERE p.email = lower(trim(content::json #>> '{fields,owner}'))), '');
