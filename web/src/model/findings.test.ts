import { expect, test } from "vitest";
import type { Finding } from "../api/types";
import { byField, findingsOf, isAbsence, mergePatch, patched, stepOf, valueAt } from "./findings";

const finding = (field: string, message: string, more: Partial<Finding> = {}): Finding => ({
  severity: "error",
  field,
  code: "bad_value",
  message,
  ...more,
});

test.each([
  ["template_id", "template"],
  ["app.slug", "app"],
  ["app", "review"],
  ["fields.ttl_days", "options"],
  ["removal_plan", "options"],
  ["reason", "review"],
  ["attachments", "review"],
  [undefined, "review"],
])("a finding at %s stands on the step %s", (field, step) => {
  expect(stepOf(field)).toBe(step);
});

test("findings come worst first, and that a field is empty is said once", () => {
  const findings = findingsOf([
    {
      name: "schema",
      status: "failed",
      findings: [finding("app.owner", "the owner is missing", { code: "required" })],
    },
    {
      name: "audit_fields_present",
      status: "failed",
      findings: [
        finding("fields.ttl_days", "long", { severity: "warning" }),
        finding("app.owner", "the app has no owner", { code: "missing" }),
        finding("app.slug", "taken"),
      ],
    },
  ]);
  expect(findings.map((one) => one.message)).toEqual(["the owner is missing", "taken", "long"]);
  expect(findings.filter(isAbsence)).toHaveLength(1);
  expect([...byField(findings).keys()]).toEqual(["app.owner", "app.slug", "fields.ttl_days"]);
});

test("what the same patch mends is said once", () => {
  const patch = [{ op: "replace" as const, path: "/fields/ttl_days", value: 180 }];
  const one = finding("fields.ttl_days", "TTL in days must be at most 180", { patch });
  const other = finding("fields.ttl_days", "ttl_days must be at most 180", { patch });
  const warning = finding("fields.ttl_days", "better less", { patch, severity: "warning" });
  const checks = [{ name: "policy", status: "failed" as const, findings: [one, other, warning] }];
  expect(findingsOf(checks)).toEqual([one, warning]);
});

test("a patch mends a copy, makes what is on its way, and never reaches a prototype", () => {
  const content = { fields: { ttl_days: 200 } };
  const mended = patched(content, [
    { op: "replace", path: "/fields/ttl_days", value: 180 },
    { op: "add", path: "/app/slug", value: "lunch" },
    { op: "remove", path: "/fields/none" },
    { op: "add", path: "/__proto__/bad", value: 1 },
  ]);
  expect(mended).toEqual({ fields: { ttl_days: 180 }, app: { slug: "lunch" } });
  expect(content.fields.ttl_days).toBe(200);
  expect(({} as Record<string, unknown>).bad).toBeUndefined();
});

test("a merge patch names only what differs, and removes by null", () => {
  const before = { reason: "a", app: { name: "x", url: "u" }, fields: { tags: ["a"] } };
  const after = { app: { name: "y", url: "u" }, fields: { tags: ["a", "b"] } };
  expect(mergePatch(before, after)).toEqual({
    reason: null,
    app: { name: "y" },
    fields: { tags: ["a", "b"] },
  });
});

test("values are found by their path", () => {
  expect(valueAt({ fields: { ttl_days: 30 } }, "fields.ttl_days")).toBe(30);
  expect(valueAt({}, "fields.ttl_days")).toBeUndefined();
});
