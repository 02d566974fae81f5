import { expect, test } from "vitest";
import { endOfDate, endOfDay, fromLocal, toLocal } from "./period";

test("a time goes through the input and back", () => {
  const at = "2026-11-23T17:05:00.000Z";
  expect(fromLocal(toLocal(at))).toBe(at);
});

test("what is no time is nothing", () => {
  expect(toLocal(undefined)).toBe("");
  expect(toLocal("yesterday")).toBe("");
  expect(fromLocal("")).toBeNull();
  expect(fromLocal("nonsense")).toBeNull();
  expect(endOfDate("nonsense")).toBeNull();
});

test("a day that something is good until is good to its last second", () => {
  const end = endOfDay(new Date(2026, 10, 30, 9), 1);
  expect([end.getMonth(), end.getDate(), end.getHours(), end.getMinutes()]).toEqual([11, 1, 23, 59]);
  expect(endOfDate("2026-12-01")?.getTime()).toBe(end.getTime());
});
