import { evaluate, expect, sdkKey, signIn, test } from "./souk";

const flag = "cash-forecast.enabled"; // no other story turns it off

test("a kill in production is undone by a request, one in the sandbox at once", async ({ page, request }) => {
  test.setTimeout(90_000);
  const key = sdkKey("production");
  await signIn(page, "olu");
  await page.goto(`/flags/${flag}`);
  await page.getByRole("button", { name: "Turn off for everybody in sandbox" }).click();
  await page.getByRole("button", { name: "Turn on again in sandbox" }).click();
  await expect(page.getByRole("button", { name: "Turn off for everybody in sandbox" })).toBeVisible();

  await page.getByRole("textbox", { name: "Reason" }).fill("alerts doubled");
  await page.getByRole("button", { name: "Turn off for everybody", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("alerts doubled");
  expect((await evaluate(request, key, flag)).metadata).toMatchObject({ killed: true });

  await page.getByRole("textbox", { name: /Why is it safe again/ }).fill("the alerts were real");
  await page.getByRole("button", { name: "Turn on again" }).click();
  await page.getByRole("alert").getByRole("link", { name: "Open the request" }).click();
  await expect(page.getByRole("heading", { level: 1, name: `Turn ${flag} on again` })).toBeVisible();
  const address = new URL(page.url()).pathname;
  await page.goto(`/flags/${flag}`);
  await expect(page.getByText("Asked to turn it on again")).toBeVisible();

  for (const name of ["pat", "sam", "petra"]) {
    await signIn(page, name);
    await page.goto(address);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    const approve = page.getByRole("button", { name: "Approve" });
    if (!(await approve.isVisible())) continue;
    await approve.click();
    await page.getByRole("button", { name: "Confirm approval" }).click();
    await expect(approve).toBeHidden();
  }
  await expect(page.getByText("It is approved")).toBeVisible();
  await expect.poll(async () => (await evaluate(request, key, flag)).metadata?.killed ?? false).toBe(false);
});
