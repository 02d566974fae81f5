import { AxeBuilder } from "@axe-core/playwright";
import { eachScreen } from "./screens";
import { expect, test } from "./souk";

const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

for (const colorScheme of ["light", "dark"] as const) {
  test(`every screen is clean in ${colorScheme} for axe`, async ({ page }) => {
    test.setTimeout(480_000);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await eachScreen(page, async (name) => {
      const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze();
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join("\n  ")}`);
      expect.soft(told, name).toEqual([]);
    });
  });
}

test("nothing scrolls sideways at 360 px", async ({ page }) => {
  test.setTimeout(480_000);
  await page.setViewportSize({ width: 360, height: 740 });
  await eachScreen(page, async (name) => {
    const over = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect.soft(over, name).toBeLessThanOrEqual(0);
  });
});
