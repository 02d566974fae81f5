import { expect, test } from "vitest";
import type { Receipt } from "../api/types";
import { kills } from "./kills";

const early: Receipt = {
  kill_id: "1",
  environment: "production",
  revision: 0,
  served_here: true,
  served_at: "2026-01-10T12:00:00Z",
  settled: false,
  clients: {
    sent: 0,
    waiting: 0,
    unreachable: 0,
    reconnecting: 0,
    refetched: 0,
    confirmed_by_host: 0,
    in_process: 0,
    last_ms: 0,
  },
  polling: { clients: 0, asked: 0, unknown: 0 },
  replicas: [],
  silent: [],
};

test("a kill that is served and not committed says so, and names the servers that have not answered", () => {
  expect(kills.receiptWords({ ...early, silent: ["b:8080"] }, 0)).toEqual([
    "It is off. It is being written to the log.",
    "The server b:8080 has not answered yet",
  ]);
});

test("the same kill once it is committed says who was sent it", () => {
  expect(kills.receiptWords({ ...early, committed_at: "2026-01-10T12:00:01Z" }, 0)).toEqual([
    "No client is connected right now",
  ]);
});

test("letting go of a kill says that it turns on what was off", () => {
  expect(kills.endHappens("production")[0]).toContain("served in production as the database has it");
  expect(kills.earlyWords(1)).toBe("1 switch is off for everybody; this is being written to the log");
});
