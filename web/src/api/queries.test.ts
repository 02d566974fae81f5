import { QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Problem } from "./client";
import { makeQueries } from "./queries";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a screen that failed stays as it is until the server is back, then shows what it has", async () => {
  let back = false;
  const client = makeQueries(() => {});
  const observer = new QueryObserver(client, {
    queryKey: ["thing"],
    queryFn: async () => {
      if (!back) throw new Problem({ status: 500 });
      return "here";
    },
  });
  const told: string[] = [];
  observer.subscribe(({ status }) => told.push(status));
  await vi.advanceTimersByTimeAsync(30_000);
  expect(observer.getCurrentResult().status).toBe("error");
  expect(told.filter((status, i) => status === "pending" && told[i - 1] === "error")).toEqual([]);
  back = true;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(observer.getCurrentResult().data).toBe("here");
});

test("what is refused is not asked again", async () => {
  let asked = 0;
  const client = makeQueries(() => {});
  const observer = new QueryObserver(client, {
    queryKey: ["thing"],
    queryFn: async () => {
      asked++;
      throw new Problem({ status: 403 });
    },
  });
  observer.subscribe(() => {});
  await vi.advanceTimersByTimeAsync(30_000);
  expect(asked).toBe(1);
});
