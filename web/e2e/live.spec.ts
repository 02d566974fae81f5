import type { Browser, BrowserContext, Page, Request } from "@playwright/test";
import { enter, expect, test, watchErrors } from "./souk";

const flag = "branch-queue.enabled";
const kill = `/api/v1/flags/${flag}/environments/sandbox/kill`;
const restore = `/api/v1/flags/${flag}/environments/sandbox/restore`;

/** Somebody else, who changes things by the API. */
async function other(browser: Browser, baseURL: string | undefined): Promise<Page> {
  const page = await (await browser.newContext({ baseURL })).newPage();
  await enter(page, "olu");
  return page;
}

async function act(page: Page, path: string): Promise<void> {
  const answer = await page.request.post(path, { data: { reason: "to see it live" } });
  expect(answer.ok(), await answer.text()).toBe(true);
}

/** How many streams a browser has open. */
function streams(context: BrowserContext): () => number {
  let open = 0;
  context.on("request", (request) => {
    if (request.url().endsWith("/api/v1/watch")) open++;
  });
  const ended = (request: Request) => {
    if (request.url().endsWith("/api/v1/watch")) open--;
  };
  context.on("requestfinished", ended);
  context.on("requestfailed", ended);
  return () => open;
}

test("what somebody else changes shows in every tab without reload, over one stream a browser", async ({
  page,
  context,
  browser,
  baseURL,
}) => {
  test.setTimeout(90_000);
  const open = streams(context);
  const olu = await other(browser, baseURL);
  await enter(page, "alice");
  await page.goto(`/flags/${flag}`);
  const second = await context.newPage();
  const errors = watchErrors(second);
  await second.goto("/apps/branch-queue");
  const switches = second.getByRole("list", { name: "Switches" });
  await expect(switches).toContainText("sandbox");
  await expect.poll(open).toBe(1);

  await act(olu, kill);
  await expect(page.getByText("Turned off for everybody").first()).toBeVisible();
  await expect(switches).toContainText("Turned off for everybody");

  await page.close(); // the tab that read the stream, so the other one takes over
  await expect.poll(open).toBe(1);
  await act(olu, restore);
  await expect(switches).not.toContainText("Turned off for everybody");
  expect(errors).toEqual([]);
});

test("a screen asks by itself while there is no stream", async ({ page, browser, baseURL }) => {
  const olu = await other(browser, baseURL);
  await enter(page, "alice");
  await page.addInitScript("delete window.EventSource");
  await page.goto("/apps/branch-queue");
  const switches = page.getByRole("list", { name: "Switches" });
  await expect(switches).toContainText("sandbox");
  await act(olu, kill);
  await expect(switches).toContainText("Turned off for everybody");
  await act(olu, restore);
  await expect(switches).not.toContainText("Turned off for everybody");
});

test("a list that is paused stays still, counts what it missed, and goes on", async ({
  page,
  browser,
  baseURL,
}) => {
  const olu = await other(browser, baseURL);
  await enter(page, "ada");
  await page.goto("/audit?event=flag.killed&actor=olu@hyfin.example");
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Pause" }).click();
  // The sign-ins of a moment ago may still come in.
  await expect(page.getByText(/^Paused: (nothing has changed|\d+ changes?) since/)).toBeVisible();
  const before = await page.getByRole("link", { name: "Turned off for everybody" }).count();
  await act(olu, kill);
  await expect(page.getByText(/^Paused: \d+ changes? since/)).toBeVisible();
  await expect(page.getByRole("link", { name: "Turned off for everybody" })).toHaveCount(before);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("link", { name: "Turned off for everybody" })).toHaveCount(before + 1);
  await act(olu, restore);
});
