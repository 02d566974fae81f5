import type { Page } from "@playwright/test";
import { expect, signIn, test } from "./souk";

/** Writes the members of a group as who the page is. */
async function members(page: Page, name: string, change: (now: string[]) => string[]): Promise<number> {
  const path = `/api/v1/groups/${name}`;
  const { title, roles, domains, delegated, scope, joinable, ...group } = await (
    await page.request.get(path)
  ).json();
  const answer = await page.request.put(path, {
    headers: { "If-Match": `"${group.revision}"` },
    data: { title, roles, domains, delegated, scope, joinable, members: change(group.members) },
  });
  return answer.status();
}

test("with two administrators, one alone makes nobody an approver: the other confirms it", async ({
  page,
}) => {
  test.setTimeout(120_000);
  await signIn(page, "petra"); // an administrator who has never been here could confirm nothing
  await signIn(page, "root");
  expect(await members(page, "admins", (now) => [...now, "petra@hyfin.example"])).toBe(200);

  await page.goto("/admin/people/hugo%40hyfin.example");
  await page.getByRole("combobox", { name: "Add to a group" }).click();
  await page.getByRole("option", { name: "Security" }).click();
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.getByText("Another administrator has to confirm this")).toBeVisible();
  await page.getByRole("link", { name: "See the proposals" }).click();
  await expect(page.getByText("Yours: another administrator has to confirm it")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Confirm/ })).toBeHidden();

  await signIn(page, "petra");
  await page.goto("/admin/proposals");
  await page.getByRole("button", { name: /^Confirm/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByText("Nothing waits for a second administrator")).toBeVisible();
  await page.goto("/admin/people/hugo%40hyfin.example");
  await expect(page.getByRole("link", { name: "Security" })).toBeVisible();

  await page.getByRole("button", { name: "Take out of Security" }).click();
  await expect(page.getByRole("link", { name: "Security" })).toBeHidden();
  // Fewer administrators who could object are looser rules, too: both have to ask for it.
  const withoutPetra = (now: string[]) => now.filter((one) => !one.startsWith("petra"));
  expect(await members(page, "admins", withoutPetra)).toBe(202);
  await signIn(page, "root");
  expect(await members(page, "admins", withoutPetra)).toBe(200);
});
