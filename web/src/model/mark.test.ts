import { expect, test } from "vitest";
import { hueOf, markOf } from "./mark";

test.each([
  ["Fraud Digest", "FD"],
  ["Where2Eat", "W2"],
  ["lunchlist", "Lu"],
  ["card-limits", "CL"],
  ["", ""],
  ["Émile's été", "ÉÉ"],
])("the mark of %j is %j", (name, mark) => {
  expect(markOf(name)).toBe(mark);
});

test("an app has the same colour for ever, and apps differ", () => {
  expect(hueOf("where2eat")).toBe(hueOf("where2eat"));
  const slugs = Array.from({ length: 60 }, (_, i) => `app-${i}`);
  expect(new Set(slugs.map(hueOf)).size).toBe(6);
});
