-- +goose Up
-- What is JSON, which each engine reads in its own way: the authors of a request, and whom fields.owner named.
UPDATE request SET authors = (
  SELECT json_group_array(json(CASE WHEN p.id IS NULL THEN a.value ELSE json_set(a.value, '$.id', p.id) END) ORDER BY a.key)
  FROM json_each(request.authors) a LEFT JOIN person p ON p.email = json_extract(a.value, '$.email')
);
UPDATE request SET field_owner_id = COALESCE((SELECT p.id FROM person p WHERE p.email = lower(trim(json_extract(content, '$.fields.owner')))), '');
