import { expect, test } from "vitest";
import { originsOf, standing, wrongOrigin } from "./secrets";

const now = new Date("2026-11-23T12:00:00Z");

test("a secret is good until it nears its end, and revoked comes first", () => {
  expect(standing({}, now)).toBe("good");
  expect(standing({ expires_at: "2027-11-23T12:00:00Z" }, now)).toBe("good");
  expect(standing({ expires_at: "2026-11-30T12:00:00Z" }, now)).toBe("ending");
  expect(standing({ expires_at: "2026-11-23T12:00:00Z" }, now)).toBe("ended");
  expect(standing({ expires_at: "2027-11-23T12:00:00Z", revoked_at: "2026-11-01T00:00:00Z" }, now)).toBe(
    "revoked",
  );
});

test("origins are read as they are typed", () => {
  expect(originsOf(" https://a.example/ ,https://b.example:8443\nhttps://a.example")).toEqual([
    "https://a.example",
    "https://b.example:8443",
  ]);
  expect(originsOf("")).toEqual([]);
});

test.each([
  ["https://a.example", undefined],
  ["http://localhost:5173", undefined],
  ["a.example", "scheme"],
  ["ftp://a.example", "scheme"],
  ["https://a.example/app", "path"],
  ["https://u:p@a.example", "form"],
  ["https://*.a.example", "form"],
  ["https://", "form"],
])("%s", (origin, wrong) => {
  expect(wrongOrigin(origin)).toBe(wrong);
});
