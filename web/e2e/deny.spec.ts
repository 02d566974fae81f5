import type { Page } from "@playwright/test";
import { seeApproval } from "./company";
import { describeApp, expect, signIn, test } from "./souk";

async function decide(page: Page, name: string, address: string, words: string, deny = false) {
  await signIn(page, name);
  await page.goto(address);
  await page.getByRole("button", { name: deny ? "Deny" : "Approve" }).click();
  await page.getByRole("textbox", { name: /^Reason/ }).fill(words);
  await page.getByRole("button", { name: deny ? "Confirm denial" : "Confirm approval" }).click();
  if (deny) await expect(page.getByText("It was denied")).toBeVisible();
  else await seeApproval(page, name, words);
}

test("what was denied is edited as new, talked about, and approved by three", async ({ page }) => {
  test.setTimeout(180_000);
  await signIn(page, "alice");
  await describeApp(page, "Secondtry");
  await page.getByRole("link", { name: /Review and submit/ }).click();
  await page.getByRole("button", { name: "Submit for approval" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Publish Secondtry", exact: true })).toBeVisible();
  const denied = new URL(page.url()).pathname;
  await decide(page, "sam", denied, "say what it stores", true);

  await signIn(page, "alice");
  await page.goto(denied);
  await expect(page.getByRole("alert")).toContainText("say what it stores");
  await page.getByRole("button", { name: "Edit as new" }).click();
  const description = page.getByRole("textbox", { name: "Description" });
  await expect(description).toHaveValue("Finds a place for the team lunch.");
  await description.fill("Finds a place for the team lunch. It stores nothing.");
  await page.getByRole("link", { name: /Review and submit/ }).click();
  await page.getByRole("button", { name: "Submit for approval" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Publish Secondtry", exact: true })).toBeVisible();
  await expect(page).toHaveURL(/\/requests\/[0-9a-f-]+$/);
  const again = new URL(page.url()).pathname;
  expect(again).not.toBe(denied);

  await page.getByRole("textbox", { name: "Comment" }).fill("It keeps nothing now.");
  await page.getByRole("button", { name: "Post the comment" }).dblclick();
  await expect(page.getByRole("textbox", { name: "Comment" })).toHaveValue("");
  await expect(page.getByText("It keeps nothing now.", { exact: true })).toHaveCount(1);

  await decide(page, "pat", again, "good for product");
  await decide(page, "sam", again, "good for security");
  await decide(page, "petra", again, "good for the platform"); // nobody said what data it shows
  await expect(page.getByText("It is approved")).toBeVisible();
});
