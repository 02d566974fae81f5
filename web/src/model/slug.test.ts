import { expect, test } from "vitest";
import { flagKeyOf, slugOf } from "./slug";

test.each([
  ["Where2Eat", "where2eat"],
  ["  Crème brûlée & Co.  ", "creme-brulee-co"],
  ["Straße", "strasse"],
  ["2 fast", "fast"],
  ["食べる", ""],
  ["a".repeat(60), "a".repeat(40)],
  [`${"a".repeat(39)} b`, "a".repeat(39)],
])("the slug of %j is %j", (name, slug) => {
  expect(slugOf(name)).toBe(slug);
});

test("a flag's key needs both halves", () => {
  expect(flagKeyOf("where2eat", "Enabled")).toBe("where2eat.enabled");
  expect(flagKeyOf("where2eat", " ")).toBe("");
  expect(flagKeyOf("", "Enabled")).toBe("");
});
