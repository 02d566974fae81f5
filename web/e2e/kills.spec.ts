import { approvedApp } from "./company";
import { evaluate, expect, sdkKey, signIn, test } from "./souk";

test("an operator turns off everything of an app after seeing how much that is, and takes it back", async ({
  page,
  request,
}) => {
  test.setTimeout(90_000);
  const key = sdkKey("sandbox");
  await signIn(page, "alice");
  const flag = await approvedApp(page, "burning-app");
  expect((await evaluate(request, key, flag)).value).toBe(true);

  await signIn(page, "olu");
  await page.goto("/");
  await page.getByRole("link", { name: "Turn off many" }).click();
  await page.getByRole("combobox", { name: "App", exact: true }).fill("burning");
  await page.getByRole("option", { name: "burning-app" }).click();
  await page.getByRole("combobox", { name: "Environment" }).click();
  await page.getByRole("option", { name: "sandbox" }).click();
  await expect(page.getByText(/1 switch of 1 app/)).toBeVisible();
  await page.getByRole("button", { name: "Turn off 1 switch" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("everything of the app burning-app in sandbox");
  await dialog.getByRole("textbox", { name: /reason/i }).fill("it burns");
  await dialog.getByRole("button", { name: "Turn off 1 switch" }).click();
  await expect(page.getByRole("list", { name: "How far it got" })).toBeVisible();
  expect((await evaluate(request, key, flag)).metadata).toMatchObject({ killed: true });

  const row = page.getByRole("listitem").filter({ hasText: "burning-app" });
  await expect(row).toContainText("1 of 1 still off");
  await expect(row).toContainText("it burns");
  await row.getByRole("button", { name: "Turn on again" }).click();
  await dialog.getByRole("button", { name: "Turn on again" }).click();
  await expect(row).toContainText("All of it was turned on again since");
  await expect.poll(async () => (await evaluate(request, key, flag)).value).toBe(true);
});

test("the receipt of a kill stands beside it, and everybody else has no such page in the menu", async ({
  page,
}) => {
  await signIn(page, "alice");
  const flag = await approvedApp(page, "receipt-app");
  await signIn(page, "alice");
  await expect(page.getByRole("link", { name: "Turn off many" })).toHaveCount(0);
  await page.goto(`/flags/${flag}`);
  await page.getByRole("button", { name: "Turn off for everybody in sandbox" }).click();
  await expect(page.getByRole("list", { name: "How far it got" })).toBeVisible();
});

test("what has one tag is found in the list, and is turned off together", async ({ page, request }) => {
  test.setTimeout(120_000);
  const key = sdkKey("sandbox");
  await signIn(page, "alice");
  const flags = [await approvedApp(page, "card-lookup"), await approvedApp(page, "card-statements")];
  for (const flag of flags) {
    await signIn(page, "alice");
    await page.goto(`/flags/${flag}`);
    await page.getByRole("combobox", { name: "Words to find it by" }).fill("Night Desk");
    await page.keyboard.press("Enter");
    await page.getByRole("form", { name: "Tags" }).getByRole("button", { name: "Save" }).click();
    await expect(page.getByRole("button", { name: "Save" })).toHaveCount(0);
    await page.reload();
    await expect(page.getByRole("form", { name: "Tags" })).toContainText("night-desk");
  }
  await page.goto("/flags");
  await page.getByRole("combobox", { name: "Tag", exact: true }).selectOption("night-desk");
  await expect(page.getByRole("table", { name: "App switches" }).getByRole("row")).toHaveCount(3); // and its head

  await signIn(page, "olu");
  await page.goto("/kills");
  await page.getByRole("combobox", { name: "What", exact: true }).click();
  await page.getByRole("option", { name: "A tag" }).click();
  await page.getByRole("combobox", { name: "Tag", exact: true }).fill("night");
  await page.getByRole("option", { name: "night-desk" }).click();
  await page.getByRole("combobox", { name: "Environment" }).click();
  await page.getByRole("option", { name: "sandbox" }).click();
  await page.getByRole("button", { name: "Turn off 2 switches" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("everything tagged night-desk in sandbox");
  await dialog.getByRole("button", { name: "Turn off 2 switches" }).click();
  await expect(page.getByRole("list", { name: "How far it got" })).toBeVisible();
  for (const flag of flags)
    expect((await evaluate(request, key, flag)).metadata).toMatchObject({ killed: true });
  await page.goto(`/flags/${flags[0]}`);
  await expect(page.getByRole("heading", { name: "Tags" })).toBeVisible();
});
