import { expect, test } from "vitest";
import { attributesOf, contextOf, tenth } from "./trial";

test.each([
  ["", {}],
  ["  ", {}],
  ['{"country": "CH"}', { country: "CH" }],
  ["[1]", null],
  ["null", null],
  ["{", null],
  ['"text"', null],
])("attributes in %j", (text, want) => {
  expect(attributesOf(text)).toEqual(want);
});

test("what is said of the person wins", () => {
  expect(contextOf("ann", ["pilot"], { targetingKey: "bob", country: "CH" })).toEqual({
    targetingKey: "ann",
    groups: ["pilot"],
    country: "CH",
  });
  expect(contextOf("", [], { targetingKey: "bob" })).toEqual({ targetingKey: "bob" });
});

test("places are told to a tenth", () => {
  expect([37.2499, 0, 99.96, 100].map(tenth)).toEqual([37.2, 0, 100, 100]);
});
