import { approve, approvedApp } from "./company";
import { expect, signIn, test } from "./souk";

test("a switch is given more time, retired and removed by requests that say what stands in the way", async ({
  page,
}) => {
  test.setTimeout(180_000);
  const flag = await approvedApp(page, "shortlived");
  const ask = async (name: string) => {
    await signIn(page, "alice");
    await page.goto(`/flags/${flag}`);
    await page.getByRole("navigation", { name: "What can be done" }).getByRole("link", { name }).click();
  };
  const sent = async () => {
    await page.getByRole("button", { name: "Ask for it" }).click();
    await expect(page).toHaveURL(/\/requests\/[0-9a-f-]+$/);
    return new URL(page.url()).pathname.split("/")[2] ?? "";
  };
  await ask("Extend");
  const until = page.getByLabel("Keep it until");
  await expect(until).toHaveValue(/^\d{4}-\d\d-\d\d$/);
  await page.getByRole("textbox", { name: "Why?" }).fill("the pilot takes longer");
  const extended = await approve(page, await sent());
  expect(extended.state).toBe("approved");

  await ask("Remove");
  await page.getByRole("textbox", { name: "Why?" }).fill("nobody needs it");
  await page.getByRole("button", { name: "Ask for it" }).click();
  await expect(page.getByRole("textbox", { name: "Removal plan" })).toHaveAccessibleDescription(/./);
  await page.getByRole("textbox", { name: "Removal plan" }).fill("alice takes it out of the code this week");
  const removal = await approve(page, await sent());
  expect(removal.state).toBe("approved");
  await signIn(page, "alice");
  await page.goto(`/flags/${flag}`);
  await expect(page.getByText("Removed").first()).toBeVisible();
});
