import type { Flag, FlagEnvironment } from "../api/types";
import { gapsOf } from "./gaps";
import { type Rules, readTargeting, writeTargeting } from "./rule";

/** What a flag serves, as it is edited: all four ways at once, so that nothing typed is lost when one looks at another. */
export interface Plan {
  mode: Mode;
  audience: string;
  percent: number;
  rules: Rules;
  defaultVariant: string;
  variants: Variant[];
}

export const modes = ["off", "on", "audience", "custom"] as const;
export type Mode = (typeof modes)[number];

export interface Variant {
  name: string;
  /** As typed: JSON for objects, the value itself for all others. */
  typed: string;
}

export type ValueType = Exclude<Flag["type"], "mixed">;

/** The type that the values of a flag have. Only an imported flag has several, and that is not edited. */
export const valueTypeOf = ({ type }: Pick<Flag, "type">): ValueType => (type === "mixed" ? "object" : type);

/** What a change_flag request carries. */
export interface Change {
  mode?: Mode;
  audience?: string;
  percent?: number;
  targeting?: unknown;
  default_variant?: string;
  variants?: Record<string, unknown>;
}

interface Definition {
  targeting?: unknown;
  defaultVariant?: string;
}

/** What a flag serves in an environment, to be edited. */
export function planOf(flag: Flag, state: FlagEnvironment): Plan {
  const serving: Change = state.serving;
  const definition = (state.kill ? {} : (state.definition ?? {})) as Definition; // of a killed one it tells the kill
  return {
    mode: serving.mode ?? "off",
    audience: serving.audience || flag.audience,
    percent: serving.mode === "audience" ? (serving.percent ?? 0) : 100,
    rules: readTargeting(serving.targeting ?? definition.targeting),
    defaultVariant: (serving.mode === "custom" && standardOf(serving, definition)) || flag.outside,
    variants: Object.entries(valuesIn(flag, state)).map(([name, value]) => ({
      name,
      typed: typedValue(value),
    })),
  };
}

/** Whom no rule names gets what the rule's own default says; without one, what SDKs are told. */
const standardOf = (serving: Change, definition: Definition) =>
  serving.default_variant ?? definition.defaultVariant;

/** The values that a flag has in an environment: its own, and what the environment adds or sets otherwise. */
export const valuesIn = (flag: Pick<Flag, "variants">, state: FlagEnvironment): Record<string, unknown> => ({
  ...flag.variants,
  ...(state.serving as Change).variants,
});

/** The plan with what a request asks for in its place. */
export function planWith(plan: Plan, change: Change | undefined): Plan {
  if (!change) return plan;
  return {
    mode: change.mode ?? plan.mode,
    audience: change.audience ?? plan.audience,
    percent: change.percent ?? plan.percent,
    rules: change.mode === "custom" ? readTargeting(change.targeting) : plan.rules,
    defaultVariant: change.default_variant ?? plan.defaultVariant,
    variants: change.variants
      ? Object.entries(change.variants).map(([name, value]) => ({ name, typed: typedValue(value) }))
      : plan.variants,
  };
}

/** The change that a plan asks for: what its way of serving needs, and the values where they differ from those that are there. */
export function changeOf(plan: Plan, flag: Pick<Flag, "type" | "variants">, state: FlagEnvironment): Change {
  const values = valuesOf(plan.variants, valueTypeOf(flag));
  const variants = same(values, valuesIn(flag, state)) ? {} : { variants: values };
  switch (plan.mode) {
    case "off":
    case "on":
      return { mode: plan.mode, ...variants };
    case "audience":
      return { mode: "audience", audience: plan.audience, percent: plan.percent, ...variants };
    case "custom":
      return { mode: "custom", ...ruled(plan), ...variants };
  }
}

/** Rules as targeting and default. Targeting that names a value for everybody is that value as the default. */
function ruled({ rules, defaultVariant }: Plan): Pick<Change, "targeting" | "default_variant"> {
  const { otherwise } = rules;
  return rules.rules.length === 0 && otherwise.kind === "variant"
    ? { targeting: null, default_variant: otherwise.variant }
    : { targeting: writeTargeting(rules) ?? null, default_variant: defaultVariant };
}

/** Whether two plans ask for the same. */
export function sameChange(a: Change, b: Change): boolean {
  return same(a, b);
}

export interface PlanGap {
  what: "audience" | "percent" | "variant" | "value" | "name" | "rule" | "twice";
  /** Name of the variant that it is about. */
  variant?: string;
}

/** What stands in the way of asking, as far as it can be told without the server. */
export function planGaps(plan: Plan, type: ValueType): PlanGap[] {
  const names = plan.variants.map((variant) => variant.name.trim());
  const gaps: PlanGap[] = plan.variants.flatMap((variant, i): PlanGap[] => {
    if (!variant.name.trim()) return [{ what: "name" }];
    if (names.indexOf(variant.name.trim()) !== i) return [{ what: "twice", variant: variant.name }];
    return parsedAs(variant.typed, type) === undefined ? [{ what: "value", variant: variant.name }] : [];
  });
  switch (plan.mode) {
    case "off":
    case "on":
      break;
    case "audience":
      if (!plan.audience) gaps.push({ what: "audience" });
      if (!Number.isInteger(plan.percent) || plan.percent < 0 || plan.percent > 100)
        gaps.push({ what: "percent" });
      break;
    case "custom":
      if (!names.includes(plan.defaultVariant)) gaps.push({ what: "variant", variant: plan.defaultVariant });
      if (gapsOf(plan.rules, names).length > 0) gaps.push({ what: "rule" });
      break;
  }
  return gaps;
}

/** A value as it is typed. */
export const typedValue = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "");

/** The value that was typed for a flag of a type; undefined is none. */
export function parsedAs(typed: string, type: ValueType): unknown {
  if (type === "string") return typed;
  const value = parsed(typed);
  switch (type) {
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "number":
      return typeof value === "number" ? value : undefined;
    case "object":
      return typeof value === "object" && value !== null ? value : undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function valuesOf(variants: Variant[], type: ValueType): Record<string, unknown> {
  // What is no value yet is sent as it was typed: the check of the server says what is wrong with it.
  return Object.fromEntries(variants.map(({ name, typed }) => [name.trim(), parsedAs(typed, type) ?? typed]));
}

/** Whether two values are the same JSON, whatever the order of their members. */
export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(ordered(a)) === JSON.stringify(ordered(b));
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, ordered(inner)]),
  );
}
