import { expect, test } from "vitest";
import { secretOf } from "./secret";

test("the secret of a link is read from its fragment, whatever a mail program adds", () => {
  expect(secretOf("#souk_join_aB-9")).toBe("souk_join_aB-9");
  expect(secretOf("#souk_join_aB-9.")).toBe("souk_join_aB-9");
  expect(secretOf("#%20souk_join_aB-9%0A")).toBe("souk_join_aB-9");
  expect(secretOf("")).toBe("");
  expect(secretOf("#")).toBe("");
  expect(secretOf("#%E0%A4%A")).toBe("");
});
