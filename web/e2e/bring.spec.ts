import { expect, signIn, test } from "./souk";

const document = `
quick-pay: {variations: {on: true, off: false}, defaultRule: {percentage: {on: 30, off: 70}}}
slow-pay: {variations: {fast: 1, slow: 2}, defaultRule: {variation: fast}}
`;

test("an operator brings flags in, sees what they lack, and gives it to them together", async ({ page }) => {
  test.setTimeout(90_000);
  await signIn(page, "olu");
  await page.goto("/flags");
  await page.getByRole("link", { name: "What flags lack" }).click();
  await page.getByRole("link", { name: "Import flags" }).click();
  await page.getByRole("combobox", { name: "Format" }).click();
  await page.getByRole("option", { name: "GO Feature Flag" }).click();
  const [chooser] = await Promise.all([
    page.waitForEvent("filechooser"),
    page.getByRole("button", { name: "Document" }).click(),
  ]);
  await chooser.setFiles({ name: "flags.yaml", mimeType: "text/yaml", buffer: Buffer.from(document) });
  await page.getByRole("button", { name: "See what would happen" }).click();
  await expect(page.getByText("2 new, 0 changed, 0 as they are, 0 not taken")).toBeVisible();
  const report = page.getByRole("list", { name: "What is not as it was, or is missing" });
  await expect(report).toContainText("the share is the same here, but it is other people");
  await page.getByRole("button", { name: "Import 2 flags" }).click();
  await expect(page.getByText("sandbox serves them")).toBeVisible();

  await page.goto("/compliance?lacks=kill");
  const row = page.getByRole("row").filter({ hasText: "slow-pay" });
  await expect(row).toContainText("an owner, a contact, a TTL and an off value");
  await page.getByRole("checkbox", { name: "Choose slow-pay" }).check();
  await page.getByRole("textbox", { name: "Contact" }).fill("#payments");
  await page.getByRole("textbox", { name: "TTL in days" }).fill("60");
  await page.getByRole("combobox", { name: "Owner" }).click();
  await page.getByRole("option", { name: "team-lunch" }).click();
  await page.getByRole("combobox", { name: "Off value" }).click();
  await page.getByRole("option", { name: "slow" }).click();
  await page.getByRole("button", { name: "Give it to 1 flag" }).click();
  await expect(page.getByText("1 flag got it")).toBeVisible();
  await expect(row).toHaveCount(0);

  await page.goto("/compliance");
  await expect(page.getByRole("row").filter({ hasText: "quick-pay" })).toContainText("a contact");
});
