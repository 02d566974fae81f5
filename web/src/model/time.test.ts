import { expect, test } from "vitest";
import { clock, relative, span } from "./time";

const now = new Date("2026-01-10T15:42:00Z");
const ago = (seconds: number) => relative(new Date(now.getTime() - seconds * 1000), now);

test.each([
  [0, "just now"],
  [-5, "just now"],
  [45, "less than a minute ago"],
  [-45, "in less than a minute"],
  [61, "1 minute ago"],
  [7200, "2 hours ago"],
  [86_400, "yesterday"],
  [-86_400 * 3, "in 3 days"],
  [-86_400 * 3 + 1, "in 3 days"],
  [86_400 * 3 - 1, "2 days ago"],
  [86_400 * 15, "2 weeks ago"],
  [86_400 * 400, "last year"],
])("%d seconds ago is %j", (seconds, words) => {
  expect(ago(seconds)).toBe(words);
});

test("a span is told in its two greatest units", () => {
  expect(span(0)).toBe("no time");
  expect(span(600)).toBe("10 minutes");
  expect(span(5400)).toBe("1 hour 30 minutes");
  expect(span(90_061)).toBe("1 day 1 hour");
});

test("a countdown never runs below zero and rounds up", () => {
  expect(clock(-3)).toBe("0:00");
  expect(clock(0.2)).toBe("0:01");
  expect(clock(245)).toBe("4:05");
  expect(clock(3609)).toBe("1:00:09");
});
