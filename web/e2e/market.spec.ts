import { enter, expect, test } from "./souk";

test("an app is found in spite of a typing error, and its screen says whom to ask", async ({ page }) => {
  await enter(page, "alice");
  await page.goto("/");
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Apps" }).click();
  await page.getByRole("searchbox", { name: /Search apps/ }).fill("fruad digset");
  await expect(page).toHaveURL(/q=fruad/);
  await expect(page.getByRole("heading", { level: 3 })).toHaveText(["Fraud Digest"]);
  await expect(page.getByRole("link", { name: "Open Fraud Digest in a new tab" })).toHaveAttribute(
    "href",
    /^https:/,
  );
  await page.getByRole("link", { name: "Fraud Digest", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Fraud Digest", exact: true })).toBeVisible();
  await expect(page.getByRole("link", { name: "dana@hyfin.example" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Turn off for everybody" })).toHaveCount(0);
  await page.goBack();
  await expect(page.getByRole("searchbox", { name: /Search apps/ })).toHaveValue("fruad digset");
  await page.getByRole("button", { name: "Clear all filters" }).click();
  await page.getByRole("link", { name: /^Dashboard/ }).click();
  await expect(page).toHaveURL(/category=dashboard/);
  await expect(page.getByRole("heading", { level: 3, name: "Branch Queue" })).toBeVisible();
  await expect(page.getByRole("heading", { level: 3, name: "Fraud Digest" })).toHaveCount(0);
});

test("who is on call turns a whole app off with one click", async ({ page }) => {
  await enter(page, "olu");
  await page.goto("/apps/fraud-digest");
  await page.getByRole("textbox", { name: "Reason" }).fill("alerts doubled");
  await page.getByRole("button", { name: "Turn off for everybody" }).click();
  const told = page.getByRole("alert");
  await expect(told).toContainText("Fraud Digest is turned off for everybody in production");
  await expect(told).toContainText("alerts doubled");
});

test("Ctrl-K finds an app, and a place to go, by keyboard alone", async ({ page }) => {
  await enter(page, "olu");
  await page.goto("/flags");
  await expect(page.getByRole("heading", { level: 1, name: "App switches", exact: true })).toBeVisible();
  await page.keyboard.press("ControlOrMeta+k");
  const box = page.getByRole("combobox", { name: /^Find apps/ });
  await expect(box).toBeFocused();
  await page.keyboard.type("branch");
  const option = page.getByRole("option", { name: /^Branch Queue/ });
  await expect(option).toHaveAttribute("aria-selected", "true");
  await expect(box).toHaveAttribute("aria-activedescendant", (await option.getAttribute("id")) ?? "");
  await page.keyboard.press("ArrowDown");
  await expect(option).toHaveAttribute("aria-selected", "false");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Branch Queue", exact: true })).toBeVisible();
  await page.keyboard.press("ControlOrMeta+k");
  await expect(box).toBeFocused();
  await page.keyboard.type("publish");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/publish/);
  await page.keyboard.press("ControlOrMeta+k");
  await expect(box).toBeFocused();
  await page.keyboard.type("zzqqxx");
  await expect(page.getByText("Nothing is called")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(box).toHaveCount(0);
});
