import { expect, signIn, test } from "./souk";

test.use({ refusals: /ERR_FAILED/ });

test("the colours follow the system while one looks, and a choice outlives the page", async ({ page }) => {
  const html = page.locator("html");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.route("**/assets/*.js", (route) => route.abort()); // what paints first comes before any of these
  await page.goto("/sign-in", { waitUntil: "commit" });
  await expect(html).toHaveAttribute("data-mantine-color-scheme", "dark");
  await page.unrouteAll();

  await signIn(page, "alice");
  await page.emulateMedia({ colorScheme: "light" });
  await expect(html).toHaveAttribute("data-mantine-color-scheme", "light");
  await page.getByRole("button", { name: "You are Alice Moreau" }).click();
  await page.getByText("Dark", { exact: true }).click();
  await expect(html).toHaveAttribute("data-mantine-color-scheme", "dark");
  await page.reload();
  await expect(html).toHaveAttribute("data-mantine-color-scheme", "dark");
});

test.describe(() => {
  test.use({ refusals: /ERR_FAILED|Failed to load/ });

  test("a server that goes away is told, and what was typed stays", async ({ page }) => {
    await signIn(page, "alice");
    await page.goto("/publish?template=microapp-basic-toggle-v1&step=app");
    const name = page.getByRole("textbox", { name: "Name", exact: true });
    await name.fill("Typed");
    await page.route("**/api/**", (route) => route.abort());
    await name.fill("Typed before");
    await expect(page.getByText("Souk does not answer").first()).toBeVisible({ timeout: 30_000 });
    await expect(name).toHaveValue("Typed before");
    await page.unrouteAll();
    await expect(page.getByText("Souk does not answer")).toHaveCount(0, { timeout: 30_000 });
    await page.reload();
    await expect(name).toHaveValue("Typed before");
  });
});
