import type { Page } from "@playwright/test";
import axe, { type RunOnly } from "axe-core";

/** All that axe looks for on our screens. */
const all: RunOnly = {
  type: "tag",
  values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
};

/** What can be new on a screen that was looked at in the other scheme. */
const colours: RunOnly = { type: "rule", values: ["color-contrast", "link-in-text-block"] };

/**
 * What axe finds wrong with the screen that is open, in light and, if asked, in dark. axe is injected once for both, since to read
 * and compile it takes as long as a look.
 */
export async function wrong(page: Page, inDark = false): Promise<string[]> {
  await page.evaluate(axe.source);
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  const found = await page.evaluate(look, all);
  if (!inDark) return found;
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  return [...found, ...(await page.evaluate(look, colours)).map((what) => `in dark, ${what}`)];
}

/** Runs inside of the page. */
async function look(runOnly: RunOnly): Promise<string[]> {
  const { violations } = await (window as unknown as { axe: typeof axe }).axe.run(document, {
    runOnly,
    resultTypes: ["violations"],
    preload: false,
  });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join("\n  ")}`);
}
