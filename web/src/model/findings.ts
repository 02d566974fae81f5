import type { Check, Content, Finding, Patch } from "../api/types";

/** The steps of publishing, in order. Each is a part of the address. */
export const steps = ["template", "app", "options", "review"] as const;
export type Step = (typeof steps)[number];

/** The steps of a kind of request: another switch of an app needs no description of the app. */
export const stepsOf = (kind: Content["kind"]): readonly Step[] =>
  kind === "create_flag" ? steps.filter((step) => step !== "app") : steps;

/** The step whose form holds a field; what no form holds is told on the last step. */
export function stepOf(field: string | undefined): Step {
  const [top = "", inner = ""] = (field ?? "").split(".");
  if (top === "template_id") return "template";
  if (top === "app" && inner) return "app";
  if (top === "fields" || top === "removal_plan") return "options";
  return "review";
}

const absences = new Set(["required", "missing", "blank", "data_unsaid", "data_without_why"]);

/** Whether a finding only says that something is not filled in yet: no news to somebody who has not come to it. */
export const isAbsence = (finding: Finding): boolean => absences.has(finding.code);

/**
 * All findings of the checks, the worst first, each once: that a field is not filled in, and what the same
 * patch mends, is said once a field.
 */
export function findingsOf(checks: Check[]): Finding[] {
  const rank = { error: 0, warning: 1, info: 2 };
  const seen = new Set<string>();
  return checks
    .flatMap((check) => check.findings)
    .filter((finding) => {
      const patch = finding.patch?.length ? finding.severity + JSON.stringify(finding.patch) : "";
      const mark = `${finding.field} ${isAbsence(finding) ? "absent" : patch || finding.message}`;
      return seen.has(mark) ? false : seen.add(mark);
    })
    .sort((a, b) => rank[a.severity] - rank[b.severity]);
}

/** Findings by the field that they are about. */
export function byField(findings: Finding[]): Map<string, Finding[]> {
  const map = new Map<string, Finding[]>();
  for (const finding of findings) {
    const field = finding.field ?? "";
    map.set(field, [...(map.get(field) ?? []), finding]);
  }
  return map;
}

/** The value at a path such as fields.ttl_days. */
export function valueAt(content: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((at, name) => (isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined), content);
}

/** Applies a JSON Patch (RFC 6902) to a content of objects; the content itself is left alone. */
export function patched<T extends object>(content: T, patch: Patch[]): T {
  const copy = structuredClone(content);
  for (const { op, path, value } of patch) {
    const names = path
      .split("/")
      .slice(1)
      .map((name) => name.replace(/~1/g, "/").replace(/~0/g, "~"));
    const last = names.pop();
    if (last === undefined || [last, ...names].includes("__proto__")) continue;
    let at: unknown = copy;
    for (const name of names) {
      if (!isObject(at)) break;
      if (at[name] === undefined) at[name] = {};
      at = at[name];
    }
    if (!isObject(at)) continue;
    if (op === "remove") delete at[last];
    else at[last] = value;
  }
  return copy;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** The merge patch (RFC 7396) that turns one content into another. */
export function mergePatch(before: unknown, after: unknown): unknown {
  if (!isObject(before) || !isObject(after) || Array.isArray(before) || Array.isArray(after)) return after;
  const patch: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (after[name] === undefined) patch[name] = null;
    else if (JSON.stringify(before[name]) !== JSON.stringify(after[name])) {
      patch[name] = mergePatch(before[name], after[name]);
    }
  }
  return patch;
}
