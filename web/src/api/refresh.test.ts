import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type About, about, aboutOne, concerns } from "./live";
import { Refresher } from "./refresh";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const flag = (id: string) => ({ noun: "flag" as const, id });

/** A client with queries that count how often each was asked. */
function screen(metas: Record<string, About>) {
  const queries = new QueryClient();
  const asked: Record<string, number> = {};
  for (const [name, meta] of Object.entries(metas)) {
    asked[name] = 0;
    const observer = new QueryObserver(queries, {
      queryKey: [name],
      queryFn: async () => {
        asked[name] = (asked[name] ?? 0) + 1;
        await new Promise((resolve) => setTimeout(resolve, 1000));
        return asked[name];
      },
      meta,
    });
    observer.subscribe(() => {});
  }
  return { queries, asked };
}

test("a change concerns lists of its noun, and of one thing only that thing", () => {
  expect(concerns(flag("a.b"), about("flag"))).toBe(true);
  expect(concerns(flag("a.b"), about("request", "flag"))).toBe(true);
  expect(concerns(flag("a.b"), about("request"))).toBe(false);
  expect(concerns(flag("a.b"), aboutOne("flag", "a.b"))).toBe(true);
  expect(concerns(flag("a.b"), aboutOne("flag", "a.c"))).toBe(false);
  expect(concerns(flag("a.b"), aboutOne("app", "a", "flag"))).toBe(true);
  expect(concerns(flag("a.b"), undefined)).toBe(false);
});

test("a change asks again exactly what it concerns, and a burst asks once", async () => {
  const { queries, asked } = screen({
    flags: about("flag"),
    one: aboutOne("flag", "a.b"),
    other: aboutOne("flag", "a.c"),
    people: about("person"),
  });
  await vi.advanceTimersByTimeAsync(2000);
  const refresher = new Refresher(queries, () => true);
  for (let i = 0; i < 5; i++) refresher.tell(flag("a.b"));
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked).toEqual({ flags: 2, one: 2, other: 1, people: 1 });
  refresher.tell("all");
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked).toEqual({ flags: 3, one: 3, other: 2, people: 2 });
});

test("a change during an answer is asked for after it, so that a stream of changes starves nothing", async () => {
  const { queries, asked } = screen({ flags: about("flag") });
  await vi.advanceTimersByTimeAsync(2000);
  const refresher = new Refresher(queries, () => true);
  for (let i = 0; i < 30; i++) {
    refresher.tell(flag("a.b"));
    await vi.advanceTimersByTimeAsync(100);
  }
  await vi.advanceTimersByTimeAsync(3000);
  expect(queries.getQueryData(["flags"])).toBe(asked.flags);
  expect(asked.flags).toBeLessThanOrEqual(5);
  expect(asked.flags).toBeGreaterThanOrEqual(3);
});

test("a paused list stays as it is, counts what it missed, and asks when it goes on", async () => {
  const { queries, asked } = screen({ flags: about("flag") });
  await vi.advanceTimersByTimeAsync(2000);
  const refresher = new Refresher(queries, () => true);
  refresher.pause(["flags"]);
  refresher.tell(flag("a.b"));
  refresher.tell(flag("a.c"));
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked.flags).toBe(1);
  expect(refresher.missed(["flags"])).toBe(2);
  refresher.resume(["flags"]);
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked.flags).toBe(2);
  expect(refresher.missed(["flags"])).toBeUndefined();
});

test("a screen that nobody looks at waits until somebody does", async () => {
  const { queries, asked } = screen({ flags: about("flag") });
  await vi.advanceTimersByTimeAsync(2000);
  let looking = false;
  const refresher = new Refresher(queries, () => looking);
  refresher.tell(flag("a.b"));
  await vi.advanceTimersByTimeAsync(5000);
  expect(asked.flags).toBe(1);
  looking = true;
  refresher.plan();
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked.flags).toBe(2);
});
