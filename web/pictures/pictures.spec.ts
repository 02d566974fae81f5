import { join } from "node:path";
import type { Page } from "@playwright/test";
import { enter, expect, test } from "../e2e/souk";

const into = join(import.meta.dirname, "../../docs/img");

/** A picture: by whom, of what, once that is there; in which scheme and width. */
interface Picture {
  name: string;
  who: string;
  path: string | ((page: Page) => Promise<string>);
  ready: RegExp;
  dark?: true;
  width?: number;
}

/** The address of the request that asks for more people on Rate Board. */
async function waiting(page: Page): Promise<string> {
  const answer = await page.request.get("/api/v1/requests?state=needs_approval&kind=change_flag");
  const { items } = (await answer.json()) as { items: { id: string }[] };
  expect(items).toHaveLength(1);
  return `/requests/${items[0]?.id}`;
}

const pictures: Picture[] = [
  { name: "home", who: "pat", path: "/", ready: /Waiting for you/ },
  { name: "market", who: "alice", path: "/apps", ready: /Branch Queue/ },
  { name: "publish", who: "alice", path: "/publish?step=template", ready: /What are you making/ },
  { name: "request", who: "pat", path: waiting, ready: /What changes/ },
  { name: "flag", who: "olu", path: "/flags/fraud-digest.enabled", ready: /Everybody in staging/ },
  {
    name: "flag-dark",
    who: "olu",
    path: "/flags/fraud-digest.enabled",
    ready: /Everybody in staging/,
    dark: true,
  },
  { name: "template", who: "root", path: "/admin/templates/notification-v1", ready: /Notification/ },
  { name: "audit", who: "ada", path: "/audit", ready: /Fraud|fraud/ },
  { name: "phone", who: "alice", path: "/apps", ready: /Branch Queue/, width: 390 },
];

for (const { name, who, path, ready, dark, width = 1280 } of pictures) {
  test(`docs/img/${name}.png`, async ({ page }) => {
    await page.setViewportSize({ width, height: width < 600 ? 844 : 800 });
    await page.emulateMedia({ colorScheme: dark ? "dark" : "light", reducedMotion: "reduce" });
    await enter(page, who);
    await page.goto(typeof path === "string" ? path : await path(page));
    await expect(page.getByText(ready).first()).toBeVisible();
    await page.waitForLoadState("networkidle").catch(() => undefined); // the stream of changes never ends
    await page.screenshot({ path: join(into, `${name}.png`) });
  });
}
