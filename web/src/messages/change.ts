import type { Mode, Plan, PlanGap } from "../model/change";
import type { Gap } from "../model/gaps";
import type { Operator, Rule, Rules, Serve, Test } from "../model/rule";
import { typedOf } from "../model/scalar";
import { list } from "../model/text";

const operators: Record<Operator, string> = {
  is: "is",
  is_not: "is not",
  one_of: "is one of",
  not_one_of: "is not one of",
  contains: "contains",
  starts_with: "begins with",
  ends_with: "ends with",
  greater: "is more than",
  less: "is less than",
  is_true: "is yes",
  is_false: "is no",
};

const attributes: Record<string, string> = {
  targetingKey: "the person’s key",
  email: "e-mail",
  groups: "groups",
};

const attribute = (name: string) => attributes[name] ?? (name || "something");

function testWords(test: Test): string {
  switch (test.kind) {
    case "json":
      return `the JSON ${JSON.stringify(test.json)} holds`;
    case "audience":
      return `they are ${test.not ? "not " : ""}in ${test.audience || "an audience"}`;
    case "attribute": {
      const values = list(test.values.map(typedOf), "or");
      return `${attribute(test.attribute)} ${operators[test.operator]}${values ? ` ${values}` : ""}`;
    }
  }
}

function serveWords(serve: Serve, fallback: string): string {
  switch (serve.kind) {
    case "variant":
      return `“${serve.variant}”`;
    case "default":
      return `“${fallback}”`;
    case "split": {
      const sum = serve.shares.reduce((all, share) => all + share.weight, 0) || 1;
      const percent = (weight: number) => Math.round((weight / sum) * 1000) / 10;
      return list(serve.shares.map((share) => `“${share.variant}” to ${percent(share.weight)} %`));
    }
    case "json":
      return "what a rule in JSON says";
  }
}

const testsWords = ({ tests, match }: Pick<Rule, "tests" | "match">) =>
  list(tests.map(testWords), match === "all" ? "and" : "or");

function ruleWords(rule: Rule, fallback: string): string {
  return `If ${testsWords(rule)}, serve ${serveWords(rule.serve, fallback)}`;
}

/** Rules in words, one line each, from the top down. */
function rulesWords({ rules, otherwise }: Rules, fallback: string): string[] {
  const last = serveWords(otherwise, fallback);
  return [
    ...rules.map((rule) => ruleWords(rule, fallback)),
    rules.length > 0 ? `Everybody else gets ${last}` : `Everybody gets ${last}`,
  ];
}

function planWords(plan: Plan, flag: { on: string; off: string; outside: string }): string[] {
  switch (plan.mode) {
    case "off":
      return [`Off: everybody gets “${flag.off}”`];
    case "on":
      return [`On: everybody gets “${flag.on}”`];
    case "audience":
      return [
        `${plan.percent} % of ${plan.audience || "an audience"} get “${flag.on}”`,
        `Everybody else gets “${flag.outside}”`,
      ];
    case "custom":
      return rulesWords(plan.rules, plan.defaultVariant);
  }
}

/** The change editor of an app switch. */
export const change = {
  title: (flag: string, environment: string) => `Change ${flag} in ${environment}`,
  words: "Say what people should get. You see what it means before you ask for it.",
  who: "What people get",
  modes: {
    off: { label: "Off", words: (off: string) => `Everybody gets “${off}”.` },
    on: { label: "On for everybody", words: (on: string) => `Everybody gets “${on}”.` },
    audience: {
      label: "On for a share of an audience",
      words: (on: string) => `Some people get “${on}”, always the same ones.`,
    },
    custom: { label: "Own rules", words: () => "Who gets what depends on who they are." },
  } satisfies Record<Mode, { label: string; words: (variant: string) => string }>,
  audience: "Audience",
  percent: "Share of it",
  percentHelp: "From 0 to 100 %. A greater share keeps everybody who has it already.",
  values: "Values",
  valuesWords: "What an app can be told. Most switches need no change here.",
  valueName: "Name",
  value: "Value",
  valueOf: (name: string) => `Value of ${name || "the new one"}`,
  nameOf: (name: string) => `Name of ${name || "the new value"}`,
  addValue: "Add a value",
  removeValue: (name: string) => `Remove the value ${name || "without a name"}`,
  keeps: "It is needed: rollouts and turning off use it.",
  standard: "What people get whom no rule names",
  yes: "Yes (true)",
  no: "No (false)",
  rules: {
    title: "Rules",
    show: "How to show the rules",
    rows: "In words",
    json: "As JSON",
    order: "From the top down: the first rule that fits decides.",
    rule: (n: number) => `Rule ${n}`,
    match: "How the conditions go together",
    all: "all of these hold",
    any: "any of these holds",
    if: "If",
    serve: "serve",
    serves: (n: number) => `What rule ${n} serves`,
    otherwise: "Everybody else gets",
    none: "There are no rules yet: everybody gets the same.",
    add: "Add a rule",
    addTest: "Add a condition",
    addAudience: "Add an audience",
    addTestTo: (n: number) => `Add a condition to rule ${n}`,
    addAudienceTo: (n: number) => `Add an audience to rule ${n}`,
    remove: (n: number) => `Remove rule ${n}`,
    removeTest: (n: number) => `Remove condition ${n}`,
    up: (n: number) => `Move rule ${n} up`,
    down: (n: number) => `Move rule ${n} down`,
    attribute: "What to look at",
    attributeHint: "e-mail, country …",
    operator: "How to compare",
    value: "With what",
    valueHint: "Type and press Enter",
    audience: "Audience",
    isIn: "is in the audience",
    isNotIn: "is not in the audience",
    standard: "the default",
    theDefault: (variant: string) => `the default, “${variant}”`,
    split: "a split between values",
    share: (variant: string) => `Share of ${variant}`,
    kept: "This part is JSON that no row can show. It is kept as it is; edit it as JSON.",
    keptName: "A part in JSON",
    targeting: "Targeting in flagd's format",
    targetingHelp: "Leave it empty for no rules. What you write is checked as you type.",
    broken: (why: string) => `This is not JSON yet: ${why}`,
    cannotSwitch: "Mend the JSON first, then the rows can show it.",
  },
  operators,
  attributes: Object.keys(attributes),
  gaps: {
    attribute: "Say what to look at",
    value: "Say what to compare with",
    audience: "Choose an audience",
    variant: "Choose a value that there is",
    weight: "Give at least one value a share",
  } satisfies Record<Gap["what"], string>,
  planGap(gap: PlanGap): string {
    switch (gap.what) {
      case "audience":
        return "Choose an audience.";
      case "percent":
        return "A share is a whole number from 0 to 100.";
      case "variant":
        return `“${gap.variant}” is no value of this switch any more. Choose another for those whom no rule names.`;
      case "rule":
        return "A rule is not complete yet.";
      case "name":
        return "Every value needs a name.";
      case "twice":
        return `Two values are called “${gap.variant}”.`;
      case "value":
        return `The value of “${gap.variant}” does not fit the type of the switch.`;
    }
  },
  effect: "What changes",
  after: "Then",
  nothing: "Nothing changes yet.",
  why: "Why?",
  whyHelp: "One sentence for those who approve it, and for the history.",
  ask: "Ask for the change",
  askNow: "Change it now",
  save: "Save the changes",
  governed: (environment: string) => `Others approve it: ${environment} is governed.`,
  atOnce: "It takes effect at once: nobody has to approve it here.",
  killed: "It is turned off for everybody here. The change takes effect when it is turned on again.",
  running: "A rollout is not over yet. Let it end or stop it, then change what people get.",
  readOnly: {
    proposed: "It is not approved yet: edit its request instead.",
    deprecated: "It is on its way out and can only be turned off, extended or removed.",
    removed: "It is removed.",
  } as Record<string, string>,
  readOnlyTitle: "It cannot be changed now",
  notYours: (team: string) => `Members of ${team} can change it.`,
  stale: {
    title: "Somebody changed it while you edited",
    words: "What you typed is still here. See what it is now, then go on.",
    keep: "Go on with mine",
    take: "Start from theirs",
  },
  edit: "Change",
  editIn: (environment: string) => `Change it in ${environment}`,
  planWords,
  rulesWords,
  testsWords,
};
