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

interface Shift extends PerformanceEntry {
  value: number;
  hadRecentInput: boolean;
}

for (const [who, path] of [
  ["root", "/"],
  ["pat", "/"],
  ["alice", "/apps"],
  ["alice", "/apps/branch-queue"],
  ["olu", "/flags"],
  ["pat", "/reviews"],
  ["root", "/admin/people"],
] as const) {
  test(`nothing jumps while ${path} loads for ${who}`, async ({ page }) => {
    await enter(page, who);
    await page.goto(path);
    await expect(page.locator("[aria-busy=true], [role=status][aria-label=Loading]")).toHaveCount(0);
    await page.waitForLoadState("domcontentloaded");
    const shift = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries() as Shift[]) if (!entry.hadRecentInput) sum += entry.value;
          }).observe({ type: "layout-shift", buffered: true });
          requestAnimationFrame(() => setTimeout(() => resolve(sum), 0));
        }),
    );
    expect(shift).toBeLessThan(0.05); // half of what counts as good (web.dev/cls)
  });
}

// Screens with a question that follows what is typed.
for (const path of ["/flags/fraud-digest.enabled", "/publish?step=details", "/apps"]) {
  test(`${path} comes to rest when nobody touches it`, async ({ page }) => {
    await page.addInitScript(() => {
      const set = window.setTimeout;
      let count = 0;
      Object.defineProperty(window, "timersSet", { get: () => count });
      window.setTimeout = ((...args: Parameters<typeof set>) => {
        count++;
        return set(...args);
      }) as typeof set;
    });
    await enter(page, "alice");
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    const timers = () => page.evaluate(() => (window as unknown as { timersSet: number }).timersSet);
    await expect
      .poll(
        async () => {
          const before = await timers();
          await page.waitForTimeout(1000);
          return (await timers()) - before;
        },
        { message: "timers set within a second" },
      )
      .toBeLessThanOrEqual(1);
  });
}
