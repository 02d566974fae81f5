import { expect, test } from "vitest";
import { chosenTwo } from "./revisions";

const two = (address: string) => chosenTwo(new URLSearchParams(address));

test("two revisions are chosen one after the other, the older one first", () => {
  expect(two("").toggled(7, true)).toEqual([7, undefined]);
  expect(two("from=7").toggled(3, true)).toEqual([3, 7]);
  expect(two("from=3&to=7").toggled(9, true)).toEqual([7, 9]);
});

test("a chosen one is taken away again, and another environment begins anew", () => {
  expect(two("from=3&to=7").toggled(3, true)).toEqual([7, undefined]);
  expect(two("from=7").toggled(7, true)).toEqual([undefined, undefined]);
  expect(two("from=3&to=7").toggled(7, false)).toEqual([7, undefined]);
});

test("what is no revision in the address is none", () => {
  expect(two("from=x&to=-1").from).toBeUndefined();
  expect(two("from=3&to=7").has(7)).toBe(true);
});
