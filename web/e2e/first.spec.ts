import { type Browser, test as base, expect, type Page } from "@playwright/test";
import { audit } from "../src/messages/audit";
import { type Fresh, startFresh } from "./fresh";
import { watchErrors } from "./souk";

const test = base.extend<object, { fresh: Fresh }>({
  fresh: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright asks for the pattern
    async ({}, use, info) => {
      const fresh = await startFresh(info.parallelIndex);
      await use(fresh);
      await fresh.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],
  baseURL: async ({ fresh }, use) => use(fresh.url),
});

const password = "a tram, two owls, rain";

/** Somebody's own browser. */
async function browserOf(browser: Browser, baseURL: string, errors: string[][]): Promise<Page> {
  const page = await (await browser.newContext({ baseURL })).newPage();
  errors.push(watchErrors(page));
  return page;
}

/** Invites somebody from the people's screen and gives the link that is shown. */
async function invite(page: Page, email: string, name: string): Promise<string> {
  await page.getByRole("textbox", { name: "E-mail" }).fill(email);
  await page.getByRole("textbox", { name: "Name", exact: true }).fill(name);
  await page.getByRole("button", { name: "Make the invitation link" }).click();
  const link = (await page.getByRole("region", { name: `Link for ${email}` }).textContent())?.trim() ?? "";
  await page.getByRole("button", { name: "I have kept it" }).click();
  return link;
}

async function join(page: Page, link: string, name: string): Promise<void> {
  await page.goto(link);
  await expect(page.getByText("Ana Lark invited you to Souk")).toBeVisible();
  await expect(page).toHaveURL(/\/join$/);
  await expect(page.getByRole("textbox", { name: "Your name" })).toHaveValue(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Join and sign in" }).click();
  await expect(page.getByRole("heading", { name: "Waiting for you" })).toBeVisible();
}

/** Signs in anew: whoever came by an invitation approves nothing that the one who invited asks for, until they have a session by password. */
async function signIn(page: Page, email: string): Promise<void> {
  await page.goto("about:blank"); // what is open would go on asking, without its cookie
  await page.context().clearCookies();
  await page.goto("/sign-in?with=password");
  await page.getByRole("textbox", { name: "E-mail" }).fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Waiting for you" })).toBeVisible();
}

/** Fills in the publisher's form as somebody who sees it for the first time: what is missing is told at its field. */
async function fillIn(page: Page): Promise<void> {
  await page.getByRole("link", { name: "Use the template Micro-app Basic Toggle" }).click();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Lunchtime");
  await page.getByRole("textbox", { name: "Description" }).fill("Finds a place for the team lunch.");
  await page.getByRole("combobox", { name: "Category" }).click();
  await page.getByRole("option", { name: "Dashboard" }).click();
  await page.getByRole("textbox", { name: "Web address" }).fill("https://lunchtime.lark.example");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByText("The owner is missing")).toBeVisible();
  await expect(page.getByText("Nobody says what data the app shows")).toBeVisible();
  await page.getByRole("radio", { name: "No company data" }).check();
  await page.getByRole("combobox", { name: "Owner team" }).click();
  await page.getByRole("option", { name: "Team Lunch" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("radio", { name: /everybody/i }).check();
  await page.getByRole("button", { name: "Continue" }).click();
}

async function approve(page: Page): Promise<void> {
  await page.goto("/");
  await page.getByRole("link", { name: "Publish Lunchtime" }).first().click();
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByRole("button", { name: "Confirm approval" }).click();
  await expect(page.getByRole("button", { name: "Confirm approval" })).toBeHidden();
}

test("a new Souk goes from its set-up link to a first app that two others approved, by its screens alone", async ({
  browser,
  fresh,
}) => {
  test.setTimeout(240_000);
  const errors: string[][] = [];
  const ana = await browserOf(browser, fresh.url, errors);

  await test.step("without anybody in it, sign-in says where the link is", async () => {
    await ana.goto("/");
    await expect(ana.getByText("This Souk is new")).toBeVisible();
  });
  await test.step("the set-up link makes the first administrator, and leaves the address at once", async () => {
    await ana.goto(fresh.link);
    await expect(ana.getByRole("heading", { name: "Set up Souk" })).toBeVisible();
    await expect(ana).toHaveURL(`${fresh.url}/join`);
    await ana.getByRole("textbox", { name: "Your e-mail" }).fill("ana@lark.example");
    await ana.getByRole("textbox", { name: "Your name" }).fill("Ana Lark");
    const typed = ana.getByLabel("Password", { exact: true });
    await typed.fill("too short");
    await expect(ana.getByText("3 more characters")).toBeVisible();
    await ana.getByRole("button", { name: "Become administrator" }).click();
    await expect(typed).toBeFocused();
    await typed.fill(password);
    await ana.getByRole("button", { name: "Become administrator" }).click();
    await expect(ana).toHaveURL(`${fresh.url}/setup`);
  });
  const go = (what: string) => ana.getByRole("link", { name: `Go there: ${what}` }).click();
  const done = (what: string) =>
    expect(
      ana.getByRole("listitem").filter({ hasText: what }).getByRole("img", { name: "Done" }),
    ).toBeVisible();
  const back = () => ana.getByRole("link", { name: /^Set-up checklist/ }).click();

  await go("Invite two more people");
  const toPia = await invite(ana, "pia@lark.example", "Pia Lark");
  await ana.getByRole("button", { name: "Invite somebody" }).click();
  const toSid = await invite(ana, "sid@lark.example", "Sid Lark");
  const [pia, sid] = [
    await browserOf(browser, fresh.url, errors),
    await browserOf(browser, fresh.url, errors),
  ];
  await join(pia, toPia, "Pia Lark");
  await join(sid, toSid, "Sid Lark");
  await test.step("an invitation works once", async () => {
    const late = await (await browser.newContext({ baseURL: fresh.url })).newPage();
    await late.goto(toPia);
    await expect(late.getByText("This link does not work any more")).toBeVisible();
    await late.context().close();
  });
  await back();
  await done("Invite two more people");

  await go("Make a group for a team");
  await ana.getByRole("textbox", { name: "Name", exact: true }).fill("Team Lunch");
  await ana.getByRole("button", { name: "Make the group" }).click();
  await expect(ana.getByRole("heading", { level: 1, name: "Team Lunch", exact: true })).toBeVisible();
  await back();
  for (const [domain, email] of [
    ["product", "pia@lark.example"],
    ["security", "sid@lark.example"],
  ] as const) {
    await go(`Name somebody who approves for ${domain}`);
    const members = ana
      .getByRole("combobox", { name: "Members" })
      .or(ana.getByRole("textbox", { name: "Members" }));
    await members.fill(email);
    await members.press("Enter");
    await ana.getByRole("button", { name: /^(Make|Save) the group$/ }).click();
    await expect(ana.getByRole("button", { name: /^(Make|Save) the group$/ })).toBeHidden();
    await back();
    await done(`Name somebody who approves for ${domain}`);
  }

  await go("Publish the first app");
  await fillIn(ana);
  await ana.getByRole("button", { name: "Submit for approval" }).click();
  await expect(ana.getByRole("heading", { level: 1, name: "Publish Lunchtime", exact: true })).toBeVisible();
  await signIn(pia, "pia@lark.example");
  await approve(pia);
  await signIn(sid, "sid@lark.example");
  await approve(sid);
  await expect(ana.getByText("It is approved")).toBeVisible(); // without loading the screen again
  await ana.goto("/setup");
  await done("Publish the first app");

  const log = await ana.request.get("/api/v1/audit/events?limit=1000");
  const { items } = (await log.json()) as { items: { event: string }[] };
  const wordless = items.map(({ event }) => event).filter((event) => !(event in audit.names));
  expect(wordless, "events that the console has no words for").toEqual([]);

  expect(errors.flat(), "errors in the consoles of the browsers").toEqual([]);
});
