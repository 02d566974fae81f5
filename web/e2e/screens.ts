import type { Page } from "@playwright/test";
import { approvedApp } from "./company";
import { describeApp, enter, expect, signIn } from "./souk";

interface Screen {
  name: string;
  who: string;
  /** Brings the screen up, in the state that its name tells. */
  open: (page: Page) => Promise<void>;
}

const heading = (page: Page, name: string | RegExp) =>
  expect(page.getByRole("heading", { level: 1, name })).toBeVisible();

async function pending(page: Page) {
  await page.goto("/");
  await page.getByRole("link", { name: "Publish Card Limits" }).click();
  await heading(page, "Publish Card Limits");
}

/** The short name of an app of alice's team, made when the first screen asks for it. */
async function ofAlice(page: Page): Promise<string> {
  const slug = "to-be-looked-at";
  const answer = await page.request.get(`/api/v1/apps/${slug}`);
  if (!answer.ok()) {
    await approvedApp(page, slug);
    await enter(page, "alice");
  }
  return slug;
}

/** Every screen in the states that it can be in: nothing yet, full, with errors, no match, no access. */
export const screens: Screen[] = [
  {
    name: "home with an inbox",
    who: "pat",
    open: (page) => page.getByRole("link", { name: "Publish Card Limits" }).waitFor(),
  },
  {
    name: "home with the person's menu",
    who: "alice",
    async open(page) {
      await page.getByRole("button", { name: "You are Alice Moreau" }).click();
      await page.getByRole("button", { name: "Sign out" }).waitFor();
    },
  },
  {
    name: "publish: templates",
    who: "alice",
    async open(page) {
      await page.goto("/publish?step=template");
      await page
        .getByRole("link", { name: /^Use the template/ })
        .first()
        .waitFor();
    },
  },
  {
    name: "publish: the app, with errors",
    who: "alice",
    async open(page) {
      await page.goto("/publish?step=template");
      await page.getByRole("link", { name: "Use the template Micro-app Basic Toggle" }).click();
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByText("The name is missing").waitFor();
    },
  },
  {
    name: "publish: options, with errors",
    who: "alice",
    async open(page) {
      await describeApp(page, "Axe");
      await page.getByRole("textbox", { name: "TTL in days" }).fill("200");
      await page.getByText("at most 180, is 200").waitFor();
    },
  },
  {
    name: "publish: the other template",
    who: "alice",
    async open(page) {
      await page.goto("/publish?step=template");
      await page.getByRole("link", { name: "Use the template Dashboard" }).click();
      await page.getByRole("textbox", { name: "Name", exact: true }).waitFor();
      await page.goto("/publish?step=options");
      await page.getByRole("radio", { name: /^Customers, money or people/ }).waitFor();
    },
  },
  {
    name: "publish: review",
    who: "alice",
    async open(page) {
      await describeApp(page, "Axe");
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByRole("button", { name: "Submit for approval" }).waitFor();
      await page.getByRole("complementary").waitFor();
    },
  },
  {
    name: "request: deciding",
    who: "pat",
    async open(page) {
      await pending(page);
      await page.keyboard.press("d");
      await page.getByRole("button", { name: "Confirm denial" }).click();
      await page.getByText("Say why, so that").waitFor();
    },
  },
  {
    name: "request: as JSON, for one who cannot decide",
    who: "olu",
    async open(page) {
      const list = await page.request.get("/api/v1/requests?state=needs_approval");
      const { items } = (await list.json()) as { items: { id: string }[] };
      await page.goto(`/requests/${items.at(-1)?.id}?diff=json`);
      await page.getByText("app.slug", { exact: true }).waitFor();
    },
  },
  {
    name: "flags",
    who: "olu",
    async open(page) {
      await page.goto("/flags");
      await page.getByRole("link", { name: "fraud-digest.enabled" }).waitFor();
    },
  },
  {
    name: "flags: no match",
    who: "olu",
    async open(page) {
      await page.goto("/flags?q=nothing-like-it");
      await page.getByText("Nothing matches").waitFor();
    },
  },
  {
    name: "flag: rolling out",
    who: "olu",
    async open(page) {
      await page.goto("/flags/fraud-digest.enabled");
      await page.getByRole("button", { name: "Stop the rollout" }).click();
      await page.getByText("What SDKs get").click();
      await page.getByRole("region", { name: /definition/ }).waitFor();
    },
  },
  {
    name: "flag: proposed",
    who: "olu",
    async open(page) {
      await page.goto("/flags/card-limits.enabled");
      await page.getByRole("link", { name: "Open its request" }).waitFor();
    },
  },
  {
    name: "flag: turned off for everybody",
    who: "olu",
    async open(page) {
      await page.request.post("/api/v1/flags/branch-queue.enabled/environments/production/kill", {
        data: {},
      });
      await page.goto("/flags/branch-queue.enabled");
      await page.getByRole("button", { name: "Turn on again" }).first().waitFor();
    },
  },
  {
    name: "reviews",
    who: "pat",
    async open(page) {
      await page.goto("/reviews");
      await page.getByRole("link", { name: "Publish Card Limits" }).waitFor();
    },
  },
  {
    name: "publish: another switch of an app",
    who: "alice",
    async open(page) {
      const slug = await ofAlice(page);
      await page.goto(`/publish?kind=create_flag&app=${slug}`);
      await page.getByRole("link", { name: "Use the template Switch for a share of people" }).click();
      await page.getByRole("textbox", { name: "How many out of a hundred" }).waitFor();
    },
  },
  {
    name: "publish: another description of an app",
    who: "alice",
    async open(page) {
      const slug = await ofAlice(page);
      await page.goto(`/publish?kind=change_app&app=${slug}`);
      await page.getByRole("textbox", { name: "Contact" }).fill("bob@hyfin.example");
      await page.getByRole("complementary").waitFor();
    },
  },
  {
    name: "flag: own rules, with gaps",
    who: "alice",
    async open(page) {
      await page.goto(`/flags/${await ofAlice(page)}.enabled/edit/sandbox`);
      await page.getByRole("radio", { name: "Own rules" }).check();
      await page.getByRole("button", { name: "Add a rule" }).click();
      await page.getByRole("button", { name: "Add an audience to rule 1" }).click();
      await page.getByRole("combobox", { name: "What rule 1 serves" }).click();
      await page.getByRole("option", { name: "a split between values" }).click();
      await page.getByRole("button", { name: "Change it now" }).click();
      await page.getByText("A rule is not complete yet.").waitFor();
    },
  },
  {
    name: "flag: removal, with what stands in the way",
    who: "alice",
    async open(page) {
      await page.goto(`/flags/${await ofAlice(page)}.enabled?ask=remove`);
      await page.getByRole("complementary").waitFor();
      await page.getByRole("button", { name: "Ask for it" }).click();
    },
  },
  {
    name: "audit",
    who: "ada",
    async open(page) {
      await page.goto("/audit");
      await page.getByRole("link", { name: "Download the export" }).waitFor();
      await page.getByText("Signed over").waitFor();
      await page.getByRole("link", { name: "Signed in" }).first().waitFor();
    },
  },
  {
    name: "audit: an event",
    who: "ada",
    async open(page) {
      await page.goto("/audit?event=rollout.completed");
      await page.getByRole("link", { name: "Rollout completed" }).first().click();
      await page.getByText("lead from it to the signed root").waitFor();
    },
  },
  {
    name: "audit: no match",
    who: "ada",
    async open(page) {
      await page.goto("/audit?app=nothing-like-it");
      await page.getByText("No event matches").waitFor();
    },
  },
  {
    name: "audit: no access",
    who: "alice",
    async open(page) {
      await page.goto("/audit");
      await page.getByText("You have no access to this").waitFor();
    },
  },
  {
    name: "an address that leads nowhere",
    who: "alice",
    async open(page) {
      await page.goto("/nowhere");
      await heading(page, "There is nothing here");
    },
  },
];

/** Brings up each screen in turn and looks at it; sign-in comes first. */
export async function eachScreen(page: Page, look: (name: string) => Promise<void>): Promise<void> {
  await page.goto("/sign-in");
  await page.getByRole("button", { name: /\balice\b/ }).waitFor();
  await look("sign-in");
  let who = "";
  for (const screen of [...screens].sort((a, b) => a.who.localeCompare(b.who))) {
    if (who !== screen.who) await signIn(page, screen.who);
    else await page.goto("/");
    who = screen.who;
    await page.evaluate(() => localStorage.clear()); // no draft of the screen before
    await screen.open(page);
    await look(screen.name);
  }
}
