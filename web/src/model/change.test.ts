import { expect, test } from "vitest";
import type { Flag, FlagEnvironment } from "../api/types";
import {
  type Change,
  changeOf,
  type Plan,
  parsedAs,
  planGaps,
  planOf,
  planWith,
  same,
  type ValueType,
  valueTypeOf,
} from "./change";
import { readTargeting } from "./rule";

const flag = {
  key: "a.enabled",
  type: "boolean",
  audience: "pilot",
  on: "on",
  off: "off",
  outside: "off",
  variants: { on: true, off: false },
} as unknown as Flag;

const state = (serving: object, definition: object = {}): FlagEnvironment =>
  ({ environment: "production", live: true, revision: 7, serving, definition }) as unknown as FlagEnvironment;

const off = state({ mode: "off" });
const targeting = { if: [{ ends_with: [{ var: "email" }, "@hyfin.example"] }, "on", "off"] };

test.each<[string, FlagEnvironment, Change]>([
  ["off", state({ mode: "off" }), { mode: "off" }],
  ["on", state({ mode: "on" }, { defaultVariant: "on" }), { mode: "on" }],
  [
    "a share",
    state({ mode: "audience", audience: "beta", percent: 5 }),
    { mode: "audience", audience: "beta", percent: 5 },
  ],
  [
    "an own rule that only the definition tells",
    state({ mode: "custom" }, { targeting, defaultVariant: "off" }),
    { mode: "custom", targeting, default_variant: "off" },
  ],
  [
    "an own rule without targeting",
    state({ mode: "custom" }, { defaultVariant: "on" }),
    { mode: "custom", targeting: null, default_variant: "on" },
  ],
  [
    "values of this environment alone",
    state({ mode: "custom", variants: { on: true, maybe: true }, default_variant: "maybe" }),
    { mode: "custom", targeting: null, default_variant: "maybe" },
  ],
  [
    "a rule that is one value for everybody",
    state({ mode: "custom" }, { targeting: "on", defaultVariant: "off" }),
    { mode: "custom", targeting: null, default_variant: "on" },
  ],
])("%s, opened and not edited, asks for what is there", (_, at, want) => {
  expect(changeOf(planOf(flag, at), flag, at)).toEqual(want);
});

test("what a request asks for can be edited again", () => {
  const plan = planOf(flag, state({ mode: "off" }));
  const asked: Change = {
    mode: "custom",
    targeting,
    default_variant: "on",
    variants: { on: true, off: false, maybe: true },
  };
  expect(changeOf(planWith(plan, asked), flag, state({ mode: "off" }))).toEqual(asked);
});

test("the own rule that was typed stays while one looks at another way of serving", () => {
  const plan = planOf(flag, state({ mode: "off" }));
  const typed: Plan = { ...plan, mode: "custom", rules: readTargeting(targeting) };
  expect(changeOf({ ...typed, mode: "on" }, flag, off)).toEqual({ mode: "on" });
  expect(changeOf(typed, flag, off)).toMatchObject({ targeting });
});

test("what is missing is told before the server is asked", () => {
  const plan = planOf(flag, state({ mode: "off" }));
  const gaps = (change: Partial<Plan>, type: ValueType = valueTypeOf(flag)) =>
    planGaps({ ...plan, ...change }, type).map((gap) => gap.what);
  expect(gaps({})).toEqual([]);
  expect(gaps({ mode: "audience", audience: "", percent: 120 })).toEqual(["audience", "percent"]);
  expect(gaps({ mode: "audience", percent: 2.5 })).toEqual(["percent"]);
  expect(gaps({ mode: "custom", defaultVariant: "blue" })).toEqual(["variant"]);
  expect(gaps({ mode: "custom", rules: readTargeting("blue") })).toEqual(["rule"]);
  const variants = [
    { name: "on", typed: "yes" },
    { name: "on", typed: "true" },
    { name: " ", typed: "true" },
  ];
  expect(gaps({ variants })).toEqual(["value", "twice", "name"]);
});

test.each<[string, ValueType, unknown]>([
  ["true", "boolean", true],
  ["1", "boolean", undefined],
  ["1.5", "number", 1.5],
  ["", "number", undefined],
  ["true", "string", "true"],
  ["", "string", ""],
  ['{"a":1}', "object", { a: 1 }],
  ["null", "object", undefined],
  ["{", "object", undefined],
])("%j typed for a %s is %j", (typed, type, value) => {
  expect(parsedAs(typed, type)).toEqual(value);
});

test("the order of members does not make values differ", () => {
  expect(same({ a: 1, b: { c: [1, { d: 2, e: 3 }] } }, { b: { c: [1, { e: 3, d: 2 }] }, a: 1 })).toBe(true);
  expect(same([1, 2], [2, 1])).toBe(false);
});
