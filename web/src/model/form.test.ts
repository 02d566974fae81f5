import type { Schema } from "@cfworker/json-schema";
import { expect, test } from "vitest";
import { fieldsOf, isVisible, judge, startWith } from "./form";

const schema = {
  type: "object",
  required: ["name", "audiences", "ttl_days"],
  additionalProperties: false,
  properties: {
    ttl_days: {
      type: "integer",
      maximum: 365,
      minimum: 1,
      default: 30,
      title: "TTL in days",
      "x-souk-type": "integer",
      "x-souk-order": 2,
    },
    name: {
      type: "string",
      title: "Name",
      maxLength: 5,
      allOf: [{ pattern: "[^ ]" }],
      "x-souk-type": "string",
      "x-souk-order": 0,
    },
    audiences: {
      type: "string",
      enum: ["internal", "pilot"],
      title: "Audience",
      "x-souk-type": "enum",
      "x-souk-order": 1,
    },
    tags: {
      type: "array",
      items: { type: "string", enum: ["a", "b"], "x-souk-type": "enum" },
      "x-souk-type": "list",
      "x-souk-order": 3,
      "x-souk-visible-if": { audiences: "pilot" },
    },
  },
} as Schema;

test("fields come in the order of the template, with their limits and choices", () => {
  const fields = fieldsOf(schema);
  expect(fields.map((field) => field.name)).toEqual(["name", "audiences", "ttl_days", "tags"]);
  expect(fields[2]).toMatchObject({ type: "integer", least: 1, most: 365, initial: 30, required: true });
  expect(fields[3]?.items).toEqual({ type: "enum", choices: ["a", "b"] });
});

test("a field shows only while its conditions hold", () => {
  const tags = fieldsOf(schema)[3];
  expect(tags && isVisible(tags, { audiences: "pilot" })).toBe(true);
  expect(tags && isVisible(tags, { audiences: "internal" })).toBe(false);
});

test("a form starts with what was typed where it fits, else with defaults, else with guesses", () => {
  const values = startWith(
    fieldsOf(schema),
    { audiences: "nobody", ttl_days: 7, gone: 1 },
    { name: "Enabled" },
  );
  expect(values).toEqual({ name: "Enabled", ttl_days: 7 });
});

test("the browser refuses what the schema refuses, and names the limit", () => {
  const refusals = judge(schema, { name: "too long", ttl_days: 400 });
  expect(refusals.get("audiences")).toEqual({ keyword: "required" });
  expect(refusals.get("ttl_days")).toEqual({ keyword: "maximum", limit: 365 });
  expect(refusals.get("name")).toEqual({ keyword: "maxLength", limit: 5 });
  expect(judge(schema, { name: "ok", audiences: "pilot", ttl_days: 30 }).size).toBe(0);
  expect(judge(schema, { name: "   ", audiences: "pilot", ttl_days: 30 }).get("name")?.keyword).toBe(
    "pattern",
  );
});
