import { execFileSync } from "node:child_process";
import { type APIRequestContext, test as base, expect, type Page, type Request } from "@playwright/test";
import { firstPort, type Server, start } from "./server";

export { expect };

/**
 * A page that fails its test when the browser logs an error: a thrown exception, a refused script, a failed request. A test
 * that wants the server to refuse something says so in refusals. Every worker has a server of its own, so that specs may run
 * beside each other; the tests of one worker share it.
 */
export const test = base.extend<{ page: Page; refusals: RegExp }, { server: Server; alone: string }>({
  alone: ["", { option: true, scope: "worker" }], // stories with another value than others have a server of their own
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright asks for the pattern
    async ({}, use, info) => {
      const server = await start(firstPort + info.parallelIndex);
      process.env.E2E_DATA = server.data;
      process.env.E2E_BINARY = server.binary;
      await use(server);
      await server.stop();
    },
    { scope: "worker", timeout: 90_000 },
  ],
  baseURL: async ({ server }, use) => use(server.url),
  refusals: [/(?!)/, { option: true }],
  page: async ({ page, refusals }, use, info) => {
    const errors = watchErrors(page, refusals);
    const open = watchRequests(page);
    await use(page);
    if (info.status !== info.expectedStatus && open.size > 0)
      console.log(`still asked when “${info.title}” failed:\n${[...open.values()].join("\n")}`);
    expect(errors, "errors in the console of the browser").toEqual([]);
  },
});

/** Collects what the browser logs as errors, save what the test wants refused. */
export function watchErrors(page: Page, refusals = /(?!)/): string[] {
  const errors: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" && !refusals.test(message.text()))
      errors.push(`${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => errors.push(error.message));
  return errors;
}

/** The requests that have no answer yet, each with the time at which it began. */
function watchRequests(page: Page): Map<Request, string> {
  const open = new Map<Request, string>();
  page.on("request", (request) => {
    open.set(request, `${new Date().toISOString()} ${request.method()} ${request.url()}`);
  });
  page.on("requestfinished", (request) => open.delete(request));
  page.on("requestfailed", (request) => open.delete(request));
  return open;
}

/** Signs in as a person of the demo, by the button with the short name, from whatever is open. */
export async function signIn(page: Page, name: string): Promise<void> {
  await page.goto("about:blank"); // what is open would go on asking, without its cookie
  await page.context().clearCookies();
  await page.goto("/sign-in");
  await page.getByRole("button", { name: new RegExp(`\\b${name}\\b`) }).click();
  await expect(page.getByRole("heading", { name: "Waiting for you" })).toBeVisible();
}

/** Signs in without a screen, for tests that are about something else. */
export async function enter(page: Page, name: string): Promise<void> {
  await page.goto("about:blank");
  await page.context().clearCookies();
  const answer = await page.request.post("/api/v1/session", { data: { email: `${name}@hyfin.example` } });
  expect(answer.ok(), await answer.text()).toBe(true);
}

/** Fills in the first two steps of publishing, from the mission's template on. */
export async function describeApp(page: Page, name: string, data?: string): Promise<void> {
  await page.goto("/publish?step=template");
  await page.getByRole("link", { name: "Use the template Micro-app Basic Toggle" }).click();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill(name);
  await page.getByRole("textbox", { name: "Description" }).fill("Finds a place for the team lunch.");
  await page.getByRole("combobox", { name: "Category" }).click();
  await page.getByRole("option", { name: "Dashboard" }).click();
  await page
    .getByRole("textbox", { name: "Web address" })
    .fill(`https://${name.toLowerCase()}.hyfin.example`);
  if (data) await page.getByRole("radio", { name: data }).check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("radio", { name: "People in the pilot group" }).check();
}

/** Runs the command line of the binary under test. */
export function souk(...args: string[]): string {
  return execFileSync(process.env.E2E_BINARY ?? "", args, { encoding: "utf8" }).trim();
}

/** A new SDK key of an environment of the demo. */
export function sdkKey(environment: string, name = ""): string {
  const data = process.env.E2E_DATA ?? "";
  return souk("sdk-key", "create", "--environment", environment, "--name", name, "--data", data);
}

interface Evaluation {
  value: unknown;
  variant: string;
  reason: string;
  metadata?: Record<string, unknown>;
}

/** What an SDK gets for a flag over OFREP. */
export async function evaluate(request: APIRequestContext, key: string, flag: string): Promise<Evaluation> {
  const answer = await request.post(`/ofrep/v1/evaluate/flags/${flag}`, {
    headers: { Authorization: `Bearer ${key}` },
    data: { context: { targetingKey: "alice@hyfin.example", groups: ["pilot"] } },
  });
  expect(answer.ok(), await answer.text()).toBe(true);
  return answer.json();
}
