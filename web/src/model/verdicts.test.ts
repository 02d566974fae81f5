import { readFileSync } from "node:fs";
import type { Schema } from "@cfworker/json-schema";
import { expect, test } from "vitest";
import { judge, type Values } from "./form";

interface Verdicts {
  schema: Schema;
  cases: { fields: Values; refused: string[] }[];
}

const { schema, cases } = JSON.parse(
  readFileSync(new URL("../../../internal/template/testdata/verdicts.json", import.meta.url), "utf8"),
) as Verdicts;

test.each(cases)("browser and server judge alike: $fields", ({ fields, refused }) => {
  expect([...judge(schema, fields).keys()].sort()).toEqual(refused);
});
