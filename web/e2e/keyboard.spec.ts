import type { Locator, Page } from "@playwright/test";
import { seeApproval } from "./company";
import { expect, test } from "./souk";

/** Presses Tab until the focus is there. */
async function tabTo(page: Page, place: Locator): Promise<void> {
  await place.waitFor();
  for (let i = 0; i < 80; i++) {
    if (await place.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not lead to ${place}`);
}

async function press(page: Page, place: Locator): Promise<void> {
  await tabTo(page, place);
  await page.keyboard.press("Enter");
}

async function type(page: Page, name: string, text: string): Promise<void> {
  await tabTo(page, page.getByRole("textbox", { name, exact: true }));
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type(text);
}

async function signInByKeys(page: Page, name: string): Promise<void> {
  await page.goto("about:blank");
  await page.context().clearCookies();
  await page.goto("/sign-in");
  await press(page, page.getByRole("button", { name: new RegExp(`\\b${name}\\b`) }));
  await page.getByRole("heading", { name: "Waiting for you" }).waitFor();
}

test("an app is published and denied by keyboard alone", async ({ page }) => {
  test.setTimeout(120_000);
  await signInByKeys(page, "alice");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await press(page, page.getByRole("main").getByRole("link", { name: "Publish an app" }).first());

  await press(page, page.getByRole("link", { name: "Use the template Micro-app Basic Toggle" }));
  await type(page, "Name", "Keys Only");
  await type(page, "Description", "Made without a mouse.");
  await tabTo(page, page.getByRole("combobox", { name: "Category" }));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await type(page, "Web address", "https://keys-only.hyfin.example");
  await press(page, page.getByRole("button", { name: "Continue" }));

  await tabTo(page, page.getByRole("radio").first());
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("radio", { name: "People in the pilot group" })).toBeChecked();
  await press(page, page.getByRole("button", { name: "Continue" }));

  const submit = page.getByRole("button", { name: "Submit for approval" });
  await expect(submit).toBeEnabled();
  await press(page, submit);
  await expect(page.getByRole("heading", { level: 1, name: "Publish Keys Only", exact: true })).toBeVisible();
  const address = new URL(page.url()).pathname;

  await signInByKeys(page, "pat");
  await press(page, page.getByRole("link", { name: "Publish Keys Only" }));
  await expect(page).toHaveURL(address);
  await page.getByRole("heading", { name: "Your decision" }).waitFor();
  await page.keyboard.press("a");
  await page.keyboard.type("good by me");
  await page.keyboard.press("ControlOrMeta+Enter");
  await seeApproval(page, "pat", "good by me");

  await signInByKeys(page, "sam");
  await page.goto(address);
  await page.getByRole("heading", { name: "Your decision" }).waitFor();
  await page.keyboard.press("d");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("textbox", { name: "Reason" })).toHaveAccessibleDescription(/Say why/);
  await page.keyboard.type("the address is not ours");
  await page.keyboard.press("ControlOrMeta+Enter");
  await expect(page.getByText("It was denied")).toBeVisible();
});
