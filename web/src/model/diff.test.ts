import { expect, test } from "vitest";
import { diff, differences, folded } from "./diff";

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

test("what is far from a change is folded to a number, a single line is not", () => {
  const before = Array.from({ length: 12 }, (_, i) => i);
  const after = before.map((n) => (n === 8 ? 80 : n));
  const told = folded(diff(before, after)).map((part) =>
    typeof part === "number" ? part : `${part.kind} ${part.text.trim()}`,
  );
  expect(told).toEqual([
    6,
    "same 5,",
    "same 6,",
    "same 7,",
    "gone 8,",
    "added 80,",
    "same 9,",
    "same 10,",
    "same 11",
    "same ]",
  ]);
  expect(folded(diff([], []))).toHaveLength(1);
});
