import { expect, test } from "vitest";
import { diff, differences } from "./diff";

test("the lines that two values share are told once", () => {
  const lines = diff({ a: 1, b: 2 }, { a: 1, b: 3 });
  expect(lines.map(({ kind, text }) => `${kind} ${text.trim()}`)).toEqual([
    "same {",
    'same "a": 1,',
    'gone "b": 2',
    'added "b": 3',
    "same }",
  ]);
});

test("what was not there before is all added", () => {
  expect(diff(null, "x")).toEqual([{ kind: "added", text: '"x"' }]);
  expect(diff(undefined, null)).toEqual([]);
});

test("very long values are compared without waiting", () => {
  const long = Array.from({ length: 2000 }, (_, i) => i);
  expect(diff(long, long)).toHaveLength(2 * 2002);
});

test("differences are the leaves in which two contents differ", () => {
  expect(
    differences({ app: { name: "x", url: "u" } }, { app: { name: "y", url: "u" }, reason: "z" }),
  ).toEqual([
    { path: "app.name", theirs: "x", yours: "y" },
    { path: "reason", theirs: undefined, yours: "z" },
  ]);
});
