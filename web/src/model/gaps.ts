import { type Rules, type Serve, type Test, takes } from "./rule";

export interface Gap {
  /** Index of the rule, -1 for otherwise; of the test, -1 for what it serves. */
  rule: number;
  test: number;
  what: "attribute" | "value" | "audience" | "variant" | "weight";
}

/** What is not filled in yet, or names a variant that there is not. */
export function gapsOf({ rules, otherwise }: Rules, variants: readonly string[]): Gap[] {
  const gaps = rules.flatMap((rule, i) => [
    ...rule.tests.flatMap((test, j): Gap[] => {
      const what = gapOf(test);
      return what ? [{ rule: i, test: j, what }] : [];
    }),
    ...servesGap(rule.serve, variants, i),
  ]);
  return [...gaps, ...servesGap(otherwise, variants, -1)];
}

function gapOf(test: Test): Gap["what"] | null {
  switch (test.kind) {
    case "json":
      return null;
    case "audience":
      return test.audience ? null : "audience";
    case "attribute":
      if (!test.attribute.trim()) return "attribute";
      return takes(test.operator) !== "none" && test.values.every((value) => value === "") ? "value" : null;
  }
}

function servesGap(serve: Serve, variants: readonly string[], rule: number): Gap[] {
  switch (serve.kind) {
    case "json":
    case "default":
      return [];
    case "variant":
      return variants.includes(serve.variant) ? [] : [{ rule, test: -1, what: "variant" }];
    case "split": {
      if (serve.shares.some((share) => !variants.includes(share.variant))) {
        return [{ rule, test: -1, what: "variant" }];
      }
      return serve.shares.reduce((sum, share) => sum + share.weight, 0) > 0
        ? []
        : [{ rule, test: -1, what: "weight" }];
    }
  }
}
