/** One rule of an audience, as its row holds it. */
export interface Rule {
  attribute: string;
  operator: Operator;
  values: string[];
}

export const operators = [
  "equals",
  "not_equals",
  "one_of",
  "not_one_of",
  "starts_with",
  "ends_with",
  "greater",
  "less",
  "is_true",
  "is_false",
] as const;
export type Operator = (typeof operators)[number];

/** How many values an operator compares with. */
export function arity(operator: Operator): "none" | "one" | "number" | "some" {
  switch (operator) {
    case "is_true":
    case "is_false":
      return "none";
    case "greater":
    case "less":
      return "number";
    case "equals":
    case "not_equals":
      return "one";
    case "one_of":
    case "not_one_of":
    case "starts_with":
    case "ends_with":
      return "some";
  }
}

/** A rule with another operator: what was typed stays as far as the new one can hold it. */
export function withOperator(rule: Rule, operator: Operator): Rule {
  const keeps = { none: 0, one: 1, number: 1, some: rule.values.length }[arity(operator)];
  return { ...rule, operator, values: rule.values.slice(0, keeps) };
}

export type Wrong = "attribute" | "shape" | "value" | "number";

const shape = /^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/;

/** What is wrong with a rule, as the server would say; nothing when it can be saved. */
export function wrongRule({ attribute, operator, values }: Rule): Wrong | undefined {
  if (attribute === "") return "attribute";
  if (!shape.test(attribute)) return "shape";
  const first = values[0]?.trim() ?? "";
  switch (arity(operator)) {
    case "none":
      return undefined;
    case "number":
      return first !== "" && /^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(first) && Number.isFinite(Number(first))
        ? undefined
        : "number";
    case "one":
      return first === "" ? "value" : undefined;
    case "some":
      return values.some((value) => value.trim() !== "") ? undefined : "value";
  }
}

export const emptyRule = (): Rule => ({ attribute: "", operator: "equals", values: [] });
