import { expect, test } from "vitest";
import { documentOf, edited, fieldList, freshTemplate, writable, written } from "./document";

const names = (document: Parameters<typeof fieldList>[0]) => fieldList(document).map(([name]) => name);

test("a fresh template holds what every template needs", () => {
  expect(names(freshTemplate())).toEqual(["name", "owner", "audiences", "ttl_days", "kill_switch"]);
  expect(documentOf(written(freshTemplate()))).toEqual(freshTemplate());
});

test("a text that is no document is none", () => {
  expect(documentOf("[]")).toBeNull();
  expect(documentOf("{")).toBeNull();
  expect(fieldList({ ...freshTemplate(), fields: [] as never })).toEqual([]);
});

test("the form edits fields and keeps what it does not know", () => {
  const start = { ...freshTemplate(), rollout: [{ environment: "production", percent: 100 }] };
  let next = edited(start, { do: "add", name: "field", type: "enum" });
  next = edited(next, { do: "add", name: "field", type: "text" });
  expect(names(next).slice(-2)).toEqual(["field", "field_2"]);
  next = edited(next, { do: "rename", name: "field", to: "cost_centre" });
  next = edited(next, { do: "rename", name: "field_2", to: "owner" }); // taken: nothing happens
  next = edited(next, { do: "move", name: "cost_centre", by: -1 });
  expect(names(next)).toEqual([
    "name",
    "owner",
    "audiences",
    "ttl_days",
    "cost_centre",
    "kill_switch",
    "field_2",
  ]);
  next = edited(next, { do: "move", name: "name", by: -1 }); // the first stays the first
  next = edited(next, { do: "drop", name: "field_2" });
  next = edited(next, { do: "field", name: "cost_centre", part: "required", value: true });
  next = edited(next, { do: "field", name: "cost_centre", part: "type", value: "string" });
  expect(next.fields.cost_centre).toEqual({ type: "string", title: "New question", required: true });
  expect(next.rollout).toEqual(start.rollout);
  expect(
    edited(next, { do: "field", name: "kill_switch", part: "default", value: false }).fields.kill_switch,
  ).toMatchObject({
    default: false,
  });
});

test("what the server adds to a template is not written back", () => {
  const template = {
    ...freshTemplate(),
    version: 3,
    created_at: "2026-01-01T00:00:00Z",
    created_by: "a",
    flag: undefined,
  };
  expect(writable(template)).toEqual(freshTemplate());
});
