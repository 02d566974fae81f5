import { expect, test } from "vitest";
import { aboutOf, inputOf, packageOf, policyInput, sampleRequest } from "./policyInput";

test("a policy is named by the package of its source", () => {
  expect(packageOf("# a comment\n\npackage marketplace.custom.names # ours\n\nimport rego.v1\n")).toBe(
    "marketplace.custom.names",
  );
  expect(packageOf("import rego.v1\npackage late")).toBe("");
  expect(packageOf("")).toBe("");
});

test("policies see of a request what the server shows them", () => {
  const input = policyInput(
    { ...sampleRequest, fields: { ...sampleRequest.fields, data_classification: "internal" } },
    null,
  );
  expect(input).toMatchObject({
    request: { kind: "publish_app" },
    fields: { ttl_days: 30 },
    app: { slug: "test-lunch" },
    data: { classification: "internal" },
  });
  expect(input).not.toHaveProperty("template");
});

test("an input that is no object is none", () => {
  expect(inputOf("[]")).toBeNull();
  expect(inputOf('{"fields": {}}')).toEqual({ fields: {} });
});

test("a policy says what it is for in the comment that it begins with", () => {
  expect(aboutOf("# No flag lives for ever:\n# a cap.\npackage a\n# more")).toBe(
    "No flag lives for ever: a cap.",
  );
  expect(aboutOf("package a\n# more")).toBe("");
});
