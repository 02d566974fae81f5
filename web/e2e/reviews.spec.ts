import { ask, seeApproval } from "./company";
import { enter, expect, signIn, test } from "./souk";

test("an approver goes through the queue and approves by keyboard alone", async ({ page }) => {
  test.setTimeout(90_000);
  await enter(page, "alice");
  await ask(page, {
    kind: "publish_app",
    template_id: "microapp-basic-toggle-v1",
    reason: "for the queue",
    app: {
      slug: "queuedboard",
      name: "Queuedboard",
      description: "Waits in a queue.",
      category: "dashboard",
      owner: "team-lunch",
      contact: "alice@hyfin.example",
      kind: "external",
      url: "https://queuedboard.hyfin.example",
    },
    fields: { name: "Enabled", owner: "alice@hyfin.example", audiences: "pilot", ttl_days: 30 },
  });
  await signIn(page, "pat");
  await page.goto("/reviews");
  const rows = page.locator("a[data-row]");
  const mine = rows.filter({ hasText: "Publish Queuedboard" });
  await expect(mine).toBeVisible();
  await page.keyboard.press("j");
  await expect(rows.nth(0)).toBeFocused();
  await page.keyboard.press("j");
  await expect(rows.nth(1)).toBeFocused();
  await page.keyboard.press("k");
  await expect(rows.nth(0)).toBeFocused();
  for (let i = 0; i < 20; i++) {
    if (await mine.evaluate((row) => row === document.activeElement)) break;
    await page.keyboard.press("j");
  }
  await page.keyboard.press("Enter");
  await expect(
    page.getByRole("heading", { level: 1, name: "Publish Queuedboard", exact: true }),
  ).toBeVisible();
  await page.getByRole("heading", { name: "Your decision" }).waitFor();
  await page.keyboard.press("a");
  await page.keyboard.type("useful");
  await page.keyboard.press("ControlOrMeta+Enter");
  await seeApproval(page, "pat", "useful");
  await page.goto("/reviews?tab=decided");
  await expect(rows.filter({ hasText: "Publish Queuedboard" })).toBeVisible();
  await page.goto("/reviews?risk=high&q=nothing-like-it");
  await expect(page.getByText("Nothing matches")).toBeVisible();
});
