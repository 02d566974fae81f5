import { describeApp, expect, signIn, test } from "./souk";

test("what an approver asks is answered, an approval is taken back and given again", async ({ page }) => {
  test.setTimeout(180_000);
  await signIn(page, "alice");
  await describeApp(page, "Askedfor");
  await page.getByRole("link", { name: /Review and submit/ }).click();
  await page.getByRole("button", { name: "Submit for approval" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Publish Askedfor", exact: true })).toBeVisible();
  const address = new URL(page.url()).pathname;

  await signIn(page, "pat");
  await page.goto(address);
  await page.getByRole("button", { name: "Ask for a change" }).click();
  await page.getByRole("textbox", { name: /^What should change/ }).fill("why only the pilot?");
  await page.getByRole("button", { name: "Send it back" }).click();
  await expect(page.getByRole("button", { name: "Take my question back" })).toBeVisible();

  await signIn(page, "alice");
  await page.goto(address);
  await expect(page.getByText("why only the pilot?").first()).toBeVisible();
  await page.getByRole("textbox", { name: "Your answer" }).fill("Nobody else has seen it yet.");
  await page.getByRole("button", { name: "Answer", exact: true }).click();
  await expect(page.getByRole("textbox", { name: "Your answer" })).toBeHidden();

  await signIn(page, "pat");
  await page.goto(address);
  for (const again of [false, true]) {
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("button", { name: "Confirm approval" }).click();
    const back = page.getByRole("button", { name: "Take my approval back" });
    await expect(back).toBeVisible();
    if (!again) await back.click();
  }
  await expect(page.getByText("taken back", { exact: false }).first()).toBeVisible();
});
