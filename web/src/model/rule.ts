// The rules that a person can edit as rows, and flagd's targeting JSON (https://flagd.dev/reference/flag-definitions/) that
// they stand for. Reading is lenient; every part remembers the JSON that it was read from and is written back as exactly
// that until somebody edits it. What no row can show stays a part of its own and is kept as it is.

export type Scalar = string | number | boolean;

export const operators = [
  "is",
  "is_not",
  "one_of",
  "not_one_of",
  "contains",
  "starts_with",
  "ends_with",
  "greater",
  "less",
  "is_true",
  "is_false",
] as const;
export type Operator = (typeof operators)[number];

/** One question about the person or thing that asks: about an attribute, about an audience, or in JSON only. */
export type Test = (
  | { kind: "attribute"; attribute: string; operator: Operator; values: Scalar[] }
  | { kind: "audience"; audience: string; not: boolean }
  | { kind: "json"; json: unknown }
) & { source?: unknown };

/** What is served: a variant, a split between variants, the default one, or what only JSON can say. */
export type Serve = (
  | { kind: "variant"; variant: string }
  | { kind: "split"; by?: unknown; shares: Share[] }
  | { kind: "default" }
  | { kind: "json"; json: unknown }
) & { source?: unknown };

export interface Share {
  variant: string;
  weight: number;
}

/** If all, or any, of the tests hold, serve this. */
export interface Rule {
  match: "all" | "any";
  tests: Test[];
  serve: Serve;
}

/** Rules from the top down: the first whose tests hold decides, else otherwise. */
export interface Rules {
  rules: Rule[];
  otherwise: Serve;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isScalar = (value: unknown): value is Scalar =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean";

/** Operator and arguments of an operation: an object of one member. One argument may stand without a list. */
function operation(json: unknown): [string, unknown[]] | null {
  if (!isObject(json)) return null;
  const [entry, ...more] = Object.entries(json);
  if (!entry || more.length > 0) return null;
  return [entry[0], Array.isArray(entry[1]) ? entry[1] : [entry[1]]];
}

function attributeOf(json: unknown): string | null {
  const [op, args] = operation(json) ?? [];
  return op === "var" && args?.length === 1 && typeof args[0] === "string" && args[0] ? args[0] : null;
}

/** Reads targeting, absent targeting too. Nothing is refused: what cannot be shown is kept. */
export function readTargeting(json: unknown): Rules {
  const [op, args] = operation(json) ?? [];
  if (op !== "if" || !args || args.length < 2) return { rules: [], otherwise: readServe(json) };
  const rules: Rule[] = [];
  let i = 0;
  for (; i + 1 < args.length; i += 2) {
    rules.push({ ...readTests(args[i]), serve: readServe(args[i + 1]) });
  }
  return { rules, otherwise: i < args.length ? readServe(args[i]) : { kind: "default" } };
}

/** Writes rules as targeting; undefined is none: everybody gets the default variant. */
export function writeTargeting({ rules, otherwise }: Rules): unknown {
  const last = writeServe(otherwise);
  if (rules.length === 0) return last ?? undefined;
  const args = rules.flatMap((rule) => [writeTests(rule), writeServe(rule.serve)]);
  return { if: otherwise.kind === "default" && !("source" in otherwise) ? args : [...args, last] };
}

/** Reads the condition of one rule. */
export function readTests(json: unknown): Pick<Rule, "match" | "tests"> {
  const [op, args] = operation(json) ?? [];
  if ((op === "and" || op === "or") && args && args.length > 1) {
    return { match: op === "and" ? "all" : "any", tests: args.map(readTest) };
  }
  return { match: "all", tests: [readTest(json)] };
}

function writeTests({ match, tests }: Rule): unknown {
  if (tests.length === 1 && tests[0]) return writeTest(tests[0]);
  return { [match === "all" ? "and" : "or"]: tests.map(writeTest) };
}

/** A test that remembers its JSON, unless writing it anew gives the very same. */
function readTest(json: unknown): Test {
  const test = testOf(json, false);
  if (!test) return { kind: "json", json };
  return same(writeTest(test), json) ? test : { ...test, source: json };
}

function testOf(json: unknown, not: boolean): Test | null {
  const [op, args] = operation(json) ?? [];
  if (!op || !args) return null;
  const [a, b] = args;
  if (op === "!" && !not && args.length === 1) return testOf(a, true);
  if (op === "$ref" && args.length === 1 && typeof a === "string")
    return { kind: "audience", audience: a, not };
  if (args.length !== 2) return null;
  if (op === "in") return membership(a, b, not);
  const attribute = attributeOf(a);
  if (attribute === null || !isScalar(b)) return null;
  const test = (operator: Operator): Test => ({ kind: "attribute", attribute, operator, values: [b] });
  switch (op) {
    case "==":
    case "===":
      if (typeof b === "boolean" && op === "===") {
        // Not to be true is more than to be false: absent, for one.
        return not
          ? null
          : { kind: "attribute", attribute, operator: b ? "is_true" : "is_false", values: [] };
      }
      return test(not ? "is_not" : "is");
    case "!=":
    case "!==":
      return test(not ? "is" : "is_not");
    case "starts_with":
      return not ? null : test("starts_with");
    case "ends_with":
      return not ? null : test("ends_with");
    case ">":
      return not ? null : test("greater");
    case "<":
      return not ? null : test("less");
  }
  return null;
}

/** in has two meanings: an attribute is one of a list, or an attribute (a text or a list) contains something. */
function membership(a: unknown, b: unknown, not: boolean): Test | null {
  const one = attributeOf(a);
  if (one !== null && Array.isArray(b) && b.every(isScalar)) {
    return { kind: "attribute", attribute: one, operator: not ? "not_one_of" : "one_of", values: b };
  }
  const many = attributeOf(b);
  return many !== null && isScalar(a) && !not
    ? { kind: "attribute", attribute: many, operator: "contains", values: [a] }
    : null;
}

function writeTest(test: Test): unknown {
  if (test.source !== undefined) return test.source;
  switch (test.kind) {
    case "json":
      return test.json;
    case "audience": {
      const reference = { $ref: test.audience };
      return test.not ? { "!": [reference] } : reference;
    }
    case "attribute":
      return writeAttribute(test.attribute, test.operator, test.values);
  }
}

function writeAttribute(attribute: string, operator: Operator, values: Scalar[]): unknown {
  const at = { var: attribute };
  const value = values[0] ?? "";
  switch (operator) {
    case "is":
      return { "==": [at, value] };
    case "is_not":
      return { "!=": [at, value] };
    case "one_of":
      return { in: [at, values] };
    case "not_one_of":
      return { "!": [{ in: [at, values] }] };
    case "contains":
      return { in: [value, at] };
    case "starts_with":
      return { starts_with: [at, value] };
    case "ends_with":
      return { ends_with: [at, value] };
    case "greater":
      return { ">": [at, value] };
    case "less":
      return { "<": [at, value] };
    case "is_true":
      return { "===": [at, true] };
    case "is_false":
      return { "===": [at, false] };
  }
}

function readServe(json: unknown): Serve {
  if (json === undefined) return { kind: "default" };
  const serve = serveOf(json);
  return same(writeServe(serve), json) ? withNull(serve, json) : { ...serve, source: json };
}

// A null that stands in the JSON is not the same as nothing: it is written back.
const withNull = (serve: Serve, json: unknown): Serve => (json === null ? { ...serve, source: null } : serve);

function serveOf(json: unknown): Serve {
  if (json === null) return { kind: "default" };
  if (typeof json === "string") return { kind: "variant", variant: json };
  const [op, args] = operation(json) ?? [];
  const shares = op === "fractional" && args ? sharesOf(args) : null;
  return shares ?? { kind: "json", json };
}

function sharesOf(args: unknown[]): Serve | null {
  const [first, ...rest] = args;
  const own = Array.isArray(first) ? args : rest;
  const shares = own.map((pair): Share | null => {
    if (!Array.isArray(pair) || typeof pair[0] !== "string" || pair.length > 2) return null;
    const weight: unknown = pair.length === 2 ? pair[1] : 1;
    return typeof weight === "number" ? { variant: pair[0], weight } : null;
  });
  if (shares.length === 0 || shares.includes(null)) return null;
  const split = { kind: "split" as const, shares: shares as Share[] };
  return Array.isArray(first) ? split : { ...split, by: first };
}

function writeServe(serve: Serve): unknown {
  if (serve.source !== undefined) return serve.source;
  switch (serve.kind) {
    case "json":
      return serve.json;
    case "default":
      return null;
    case "variant":
      return serve.variant;
    case "split": {
      const shares = serve.shares.map(({ variant, weight }) => [variant, weight]);
      return { fractional: serve.by === undefined ? shares : [serve.by, ...shares] };
    }
  }
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Whether every part can be shown as a row; else some are shown as JSON. */
export function isShown({ rules, otherwise }: Rules): boolean {
  return (
    otherwise.kind !== "json" &&
    rules.every((rule) => rule.serve.kind !== "json" && rule.tests.every((test) => test.kind !== "json"))
  );
}

/** How many values an operator asks for. */
export function takes(operator: Operator): "none" | "one" | "many" {
  if (operator === "is_true" || operator === "is_false") return "none";
  return operator === "one_of" || operator === "not_one_of" ? "many" : "one";
}
