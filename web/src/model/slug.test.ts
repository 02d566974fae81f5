import { expect, test } from "vitest";
import { flagKeyOf, slugOf, tagOf } from "./slug";

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

test.each([
  ["Night Shift", "night-shift"],
  ["2026 Q4!", "2026-q4"],
  ["--", ""],
  ["t".repeat(70), "t".repeat(63)],
])("the tag of %j is %j", (word, tag) => {
  expect(tagOf(word)).toBe(tag);
});

test("a flag's key needs both halves", () => {
  expect(flagKeyOf("where2eat", "Enabled")).toBe("where2eat.enabled");
  expect(flagKeyOf("where2eat", " ")).toBe("");
  expect(flagKeyOf("", "Enabled")).toBe("");
});
