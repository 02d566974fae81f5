import type { Route as Call, Page } from "@playwright/test";
import { known, routes } from "./routes";
import { enter, expect, test } from "./souk";
import { wrong } from "./wrong";

// Who one is and what there is to know of the server stays as it is; everything else is what the state says.
const constant = /\/api\/v1\/(session|watch)(\?|$)/;

const problem = (status: number) => ({
  status,
  contentType: "application/problem+json",
  body: JSON.stringify({
    status,
    title: "No",
    code: status === 403 ? "forbidden" : "internal",
    detail: status === 403 ? "you may not do this" : "something failed inside the server",
    remediation: status === 403 ? "ask an administrator" : "try again",
    trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
  }),
});

const questions = "**/api/v1/**";

/** What the server answers to every question in a state; undefined is as it is. */
const answers: Record<string, ((call: Call) => Promise<void>) | undefined> = {
  full: undefined,
  async empty(call) {
    const answer = await call.fetch();
    const body: unknown = await answer.json().catch(() => null);
    const list = typeof body === "object" && body !== null && "items" in body;
    await call.fulfill({ response: answer, json: list ? { ...body, items: [], next: undefined } : body });
  },
  error: (call) => call.fulfill(problem(500)),
  forbidden: (call) => call.fulfill(problem(403)),
};

test.describe.configure({ mode: "parallel" }); // it only looks

test("every address of the console is swept", () => {
  expect(routes.map((route) => route.path).sort()).toEqual(known().sort());
});

// All states of a screen in one page: the browser reads and compiles the console once.
for (const route of routes) {
  test(`${route.path} is clean in every state`, async ({ page }) => {
    test.setTimeout(240_000);
    if (route.who) await enter(page, route.who);
    const address = (await route.full?.(page)) ?? route.path;
    if (route.who) await enter(page, route.who);
    for (const [state, answer] of Object.entries(answers)) {
      if (!route.who && state !== "full") continue; // nothing is asked before sign-in
      if (route.path.includes(":") && state === "empty") continue; // one thing is there or not; lists are empty
      if (answer) {
        await page.route(questions, (call) =>
          constant.test(call.request().url()) || call.request().method() !== "GET"
            ? call.fallback()
            : answer(call),
        );
      }
      // What the other states add is the same on every screen (the words of an empty list, of a failure, of a refusal), and
      // its colours are seen on one.
      await sweep(page, address, state, state === "full" || route.path === "/flags");
      await page.unroute(questions);
    }
    if (route.stranger) {
      await enter(page, route.stranger);
      await sweep(page, address, "without access");
      await expect(page.getByText("You have no access to this")).toBeVisible();
    }
  });
}

test.use({ refusals: /status of (403|500)/ });

/** Opens an address, and looks at it in light, in dark where asked, and 360 px wide. */
async function sweep(page: Page, address: string, state: string, inDark = false): Promise<void> {
  await page.goto("about:blank"); // so that nothing of the state before is asked or shown any more
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.goto(address);
  await settled(page);
  expect.soft(await wrong(page, inDark), state).toEqual([]);
  await page.setViewportSize({ width: 360, height: 740 });
  const over = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect.soft(over, `${state}: pixels too wide at 360`).toBeLessThanOrEqual(0);
}

/** The screen shows what it has to show: a title, and nothing that is still on its way. */
async function settled(page: Page): Promise<void> {
  await expect(page.getByRole("heading").or(page.getByRole("alert")).first()).toBeVisible();
  // What fails is tried three times before the screen says so.
  const coming = page.locator("[aria-busy=true], [role=status][aria-label=Loading]");
  await expect(coming).toHaveCount(0, { timeout: 30_000 });
}
