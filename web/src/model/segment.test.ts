import { expect, test } from "vitest";
import { operators, type Rule, withOperator, wrongRule } from "./segment";

const rule = (operator: Rule["operator"], values: string[], attribute = "country"): Rule => ({
  attribute,
  operator,
  values,
});

test("another operator keeps of what was typed what it can hold", () => {
  const typed = rule("one_of", ["CH", "DE"]);
  expect(withOperator(typed, "starts_with").values).toEqual(["CH", "DE"]);
  expect(withOperator(typed, "equals").values).toEqual(["CH"]);
  expect(withOperator(typed, "is_true").values).toEqual([]);
});

test("a rule is wrong where the server would refuse it", () => {
  expect(wrongRule(rule("equals", ["CH"]))).toBeUndefined();
  expect(wrongRule(rule("equals", ["CH"], ""))).toBe("attribute");
  expect(wrongRule(rule("equals", ["CH"], "$flagd.flagKey"))).toBe("shape");
  expect(wrongRule(rule("equals", ["CH"], "profile.country"))).toBeUndefined();
  expect(wrongRule(rule("one_of", [" "]))).toBe("value");
  expect(wrongRule(rule("greater", ["17.5"]))).toBeUndefined();
  expect(wrongRule(rule("greater", ["0x11"]))).toBe("number");
  expect(wrongRule(rule("less", ["many"]))).toBe("number");
  expect(wrongRule(rule("is_false", []))).toBeUndefined();
});

test("every operator can be reached with what it needs", () => {
  for (const operator of operators) {
    const values =
      operator === "greater" || operator === "less" ? ["1"] : operator.startsWith("is_") ? [] : ["x"];
    expect(wrongRule(rule(operator, values)), operator).toBeUndefined();
  }
});
