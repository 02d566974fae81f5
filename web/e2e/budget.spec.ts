import { enter, expect, test } from "./souk";

const budget = 250_000; // bytes of gzipped script that the first load of Home may take

test("the first load of Home takes less than 250 kB of script", async ({ page }) => {
  await enter(page, "alice");
  const sizes: Promise<[string, number]>[] = [];
  page.on("requestfinished", (request) => {
    if (request.resourceType() === "script")
      sizes.push(request.sizes().then((size) => [request.url(), size.responseBodySize]));
  });
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Waiting for you" })).toBeVisible();
  await page.waitForLoadState("networkidle");
  const scripts = await Promise.all(sizes);
  const total = scripts.reduce((sum, [, size]) => sum + size, 0);
  expect(scripts.length).toBeGreaterThan(0);
  expect(total, JSON.stringify(scripts, null, 2)).toBeLessThan(budget);
});
