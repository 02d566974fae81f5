import { expect, test } from "vitest";
import type { Finding } from "../api/types";
import { noticesOf } from "./notices";

test("what to know of a policy is a sentence with its line", () => {
  const finding = (file: string | undefined, remediation: string): Finding => ({
    severity: "warning",
    code: "not_heard",
    field: "source",
    file,
    message: "deni is never heard",
    remediation,
  });
  expect(noticesOf(undefined)).toEqual([]);
  expect(
    noticesOf([finding("3", "did you mean deny?"), finding("a.rego:12", ""), finding(undefined, "")]),
  ).toEqual([
    "Line 3: Deni is never heard. Did you mean deny?",
    "Line 12: Deni is never heard.",
    "Deni is never heard.",
  ]);
});
