import { approve, ask, stagedApp } from "./company";
import { enter, expect, test } from "./souk";

test("what changed since it was asked for is taken up by submitting the request again", async ({ page }) => {
  test.setTimeout(180_000);
  const flag_key = await stagedApp(page, "askedagain");
  await enter(page, "alice");
  const keep = (days: number) =>
    ask(page, {
      kind: "extend_ttl",
      flag_key,
      until: new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10),
      reason: "the portal comes later",
    });
  const longer = await keep(60);
  expect((await approve(page, (await keep(50)).id)).state).toBe("approved");

  await enter(page, "alice");
  await page.goto(`/requests/${longer.id}`);
  const changed = page.getByText("What it would change is no longer as it was when this was asked for");
  await expect(changed).toBeVisible();
  await page.getByRole("button", { name: "Submit again" }).click();
  await expect(changed).toBeHidden();
  await expect(page.getByText("Request submitted again").first()).toBeVisible();
  expect((await approve(page, longer.id)).state).toBe("approved");
});
