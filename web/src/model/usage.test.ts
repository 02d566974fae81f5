import { expect, test } from "vitest";
import type { FlagUsage } from "../api/types";
import { columnsOf, linesOf, periodOf, roundUp } from "./usage";

const usage: FlagUsage = {
  flag_key: "lunch.enabled",
  from: "2026-03-04T10:00:00Z",
  to: "2026-03-04T12:30:00Z",
  step: "hour",
  total: 12,
  series: [
    { reason: "ERROR", total: 1, points: [{ at: "2026-03-04T12:00:00Z", count: 1 }] },
    {
      variant: "on",
      total: 9,
      points: [
        { at: "2026-03-04T10:00:00Z", count: 4 },
        { at: "2026-03-04T12:00:00Z", count: 5 },
      ],
    },
    { reason: "CACHED", total: 1, points: [{ at: "2026-03-04T12:00:00Z", count: 1 }] },
    { variant: "gone", total: 1, points: [{ at: "2026-03-04T10:00:00Z", count: 1 }] },
  ],
  reasons: [],
  errors: [],
  clients: [],
};

test("a chart shows variants first, then what has none, each in its own colour", () => {
  const lines = linesOf(usage, ["on", "off"]);
  expect(lines.map((line) => [line.id, line.colour])).toEqual([
    ["variant on", 1],
    ["variant gone", 0],
    ["reason CACHED", "kept"],
    ["reason ERROR", "failed"],
  ]);
});

test("a step in which nobody asked is a column, too", () => {
  const columns = columnsOf(usage, linesOf(usage, ["on", "off"]));
  expect(columns.map((column) => [column.at.toISOString(), column.total, column.counts])).toEqual([
    ["2026-03-04T10:00:00.000Z", 5, [4, 1, 0, 0]],
    ["2026-03-04T11:00:00.000Z", 0, [0, 0, 0, 0]],
    ["2026-03-04T12:00:00.000Z", 7, [5, 0, 1, 1]],
  ]);
});

test("the top of a scale is round and never below what it shows", () => {
  expect([0, 1, 2, 3, 7, 11, 50, 51, 999, 1001].map(roundUp)).toEqual([
    1, 1, 2, 5, 10, 20, 50, 100, 1000, 2000,
  ]);
});

test("an address that names no period means a day", () => {
  expect([null, "", "week", "toString", "century"].map(periodOf)).toEqual([
    "day",
    "day",
    "week",
    "day",
    "day",
  ]);
});
