import { describe, expect, test } from "vitest";
import { gapsOf } from "./gaps";
import {
  isShown,
  type Operator,
  operators,
  type Rule,
  type Rules,
  readTargeting,
  type Scalar,
  type Serve,
  type Test,
  takes,
  writeTargeting,
} from "./rule";
import { scalarOf, typedOf } from "./scalar";

const email = { var: "email" };

// Targeting as it stands in the wild: by hand, from other tools, and from Souk itself.
const wild: [string, unknown][] = [
  ["nothing", undefined],
  ["null", null],
  ["a variant", "on"],
  ["a boolean", true],
  [
    "a split",
    {
      fractional: [
        ["on", 25],
        ["off", 75],
      ],
    },
  ],
  [
    "a split by something else",
    { fractional: [{ cat: [{ var: "$flagd.flagKey" }, email] }, ["on", 1], ["off", 1]] },
  ],
  ["a split in shorthand", { fractional: [["on"], ["off"]] }],
  [
    "a split with a computed weight",
    {
      fractional: [
        ["on", { var: "w" }],
        ["off", 1],
      ],
    },
  ],
  [
    "a share of an audience",
    {
      if: [
        { $ref: "pilot" },
        {
          fractional: [
            ["on", 5],
            ["off", 95],
          ],
        },
      ],
    },
  ],
  ["if with null", { if: [{ $ref: "pilot" }, "on", null] }],
  ["if without else", { if: [{ ends_with: [email, "@hyfin.example"] }, "on"] }],
  ["else if", { if: [{ "==": [email, "a"] }, "on", { "!=": [email, "b"] }, "off", "on"] }],
  ["a nested if", { if: [{ "==": [email, "a"] }, "on", { if: [{ "==": [email, "b"] }, "off"] }] }],
  ["and", { if: [{ and: [{ in: [email, ["a", "b"]] }, { starts_with: [email, "c"] }] }, "on", "off"] }],
  [
    "or in and",
    { if: [{ and: [{ or: [{ "==": [email, 1] }, { "===": [email, 2] }] }, { $ref: "beta" }] }, "on"] },
  ],
  ["and of one", { if: [{ and: [{ "==": [email, "a"] }] }, "on"] }],
  ["and of none", { if: [{ and: [] }, "on"] }],
  ["not without a list", { if: [{ "!": { in: [email, ["a"]] } }, "on"] }],
  ["not not", { if: [{ "!": [{ "!": [{ $ref: "pilot" }] }] }, "on"] }],
  ["not an audience", { if: [{ "!": [{ $ref: "pilot" }] }, "off", "on"] }],
  ["contains", { if: [{ in: ["admins", { var: "groups" }] }, "on"] }],
  ["numbers", { if: [{ ">": [{ var: "age" }, 17] }, "on"] }],
  ["semver", { if: [{ sem_ver: [{ var: "version" }, ">=", "1.2.0"] }, "on"] }],
  ["var with a default", { if: [{ "==": [{ var: ["tier", "free"] }, "pro"] }, "on"] }],
  ["var in a list", { if: [{ "==": [{ var: ["tier"] }, "pro"] }, "on"] }],
  ["sides exchanged", { if: [{ "==": ["pro", { var: "tier" }] }, "on"] }],
  ["if with one argument", { if: [true] }],
  ["if without arguments", { if: [] }],
  ["ternary by hand", { "?:": [true, "on", "off"] }],
  ["two operators in one object", { if: [{ "==": [1, 1], "!=": [1, 2] }, "on"] }],
  ["strictly yes", { if: [{ "===": [{ var: "staff" }, true] }, "on"] }],
  ["loosely yes", { if: [{ "==": [{ var: "staff" }, true] }, "on"] }],
  ["not strictly yes", { if: [{ "!": [{ "===": [{ var: "staff" }, true] }] }, "on"] }],
];

describe("what is read and not edited is written as it was", () => {
  test.each(wild)("%s", (_, json) => {
    // No targeting at all and null are both no targeting.
    expect(writeTargeting(readTargeting(json))).toEqual(json === null ? undefined : json);
  });
});

test("rows show what Souk and people usually write", () => {
  const read = (json: unknown) => readTargeting(json);
  expect(
    read({
      if: [
        { $ref: "pilot" },
        {
          fractional: [
            ["on", 5],
            ["off", 95],
          ],
        },
      ],
    }),
  ).toEqual({
    rules: [
      {
        match: "all",
        tests: [{ kind: "audience", audience: "pilot", not: false }],
        serve: {
          kind: "split",
          shares: [
            { variant: "on", weight: 5 },
            { variant: "off", weight: 95 },
          ],
        },
      },
    ],
    otherwise: { kind: "default" },
  });
  expect(isShown(read(wild.find(([name]) => name === "else if")?.[1]))).toBe(true);
  expect(isShown(read(wild.find(([name]) => name === "semver")?.[1]))).toBe(false);
  expect(isShown(read(wild.find(([name]) => name === "a nested if")?.[1]))).toBe(false);
});

test("an edit of one row leaves the JSON of its neighbours alone", () => {
  const strange = { sem_ver: [{ var: "version" }, ">=", "1.2.0"] };
  const rules = readTargeting({ if: [{ and: [strange, { "===": [email, "a"] }] }, "on", "off"] });
  const rule = rules.rules[0] as Rule;
  const edited: Rule = {
    ...rule,
    tests: [rule.tests[0] as Test, { kind: "attribute", attribute: "email", operator: "is", values: ["b"] }],
  };
  expect(writeTargeting({ ...rules, rules: [edited] })).toEqual({
    if: [{ and: [strange, { "==": [email, "b"] }] }, "on", "off"],
  });
});

/** The same numbers every time: a small linear congruence. */
function dice(seed: number) {
  let state = seed;
  return (sides: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * sides);
  };
}

function someRules(roll: (sides: number) => number): Rules {
  const pick = <T>(items: readonly T[]): T => items[roll(items.length)] as T;
  const scalar = (): Scalar => pick<Scalar>(["a", "", "42", 42, -1.5, true, "true", '"q"', " b ", "a,b"]);
  const one = (): Test => {
    if (roll(4) === 0) return { kind: "audience", audience: pick(["pilot", "beta"]), not: roll(2) === 0 };
    const operator = pick<Operator>(operators);
    const count = { none: 0, one: 1, many: 1 + roll(3) }[takes(operator)];
    return {
      kind: "attribute",
      attribute: pick(["email", "targetingKey", "a.b"]),
      operator,
      values: Array.from({ length: count }, scalar),
    };
  };
  const serve = (): Serve =>
    roll(3) === 0
      ? {
          kind: "split",
          shares: [
            { variant: "on", weight: roll(100) },
            { variant: "off", weight: roll(100) },
          ],
        }
      : { kind: "variant", variant: pick(["on", "off"]) };
  const rules = Array.from({ length: 1 + roll(4) }, (): Rule => {
    const tests = Array.from({ length: 1 + roll(3) }, one);
    return { match: tests.length > 1 && roll(2) === 0 ? "any" : "all", tests, serve: serve() };
  });
  return { rules, otherwise: roll(2) === 0 ? { kind: "default" } : serve() };
}

test("what rows write, rows read back", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const rules = someRules(dice(seed));
    const json: unknown = JSON.parse(JSON.stringify(writeTargeting(rules)));
    expect(writeTargeting(readTargeting(json)), `seed ${seed}`).toEqual(json);
    expect(isShown(readTargeting(json)), `seed ${seed}`).toBe(true);
  }
});

test.each<[Scalar, string]>([
  ["a", "a"],
  [42, "42"],
  ["42", '"42"'],
  [true, "true"],
  ["true", '"true"'],
  ["007", "007"],
  ["1e3", "1e3"],
  ["", ""],
  [" b ", '" b "'],
  ['"q"', '"\\"q\\""'],
])("the value %j is typed as %s and read back", (value, typed) => {
  expect(typedOf(value)).toBe(typed);
  expect(scalarOf(typed)).toBe(value);
});

test("what is not filled in is told where it is", () => {
  const rules: Rules = {
    rules: [
      {
        match: "all",
        tests: [
          { kind: "attribute", attribute: "", operator: "is", values: ["x"] },
          { kind: "attribute", attribute: "email", operator: "is", values: [""] },
          { kind: "attribute", attribute: "staff", operator: "is_true", values: [] },
          { kind: "audience", audience: "", not: false },
        ],
        serve: { kind: "variant", variant: "blue" },
      },
    ],
    otherwise: { kind: "split", shares: [{ variant: "on", weight: 0 }] },
  };
  expect(gapsOf(rules, ["on", "off"])).toEqual([
    { rule: 0, test: 0, what: "attribute" },
    { rule: 0, test: 1, what: "value" },
    { rule: 0, test: 3, what: "audience" },
    { rule: 0, test: -1, what: "variant" },
    { rule: -1, test: -1, what: "weight" },
  ]);
});
