import { approve, approvedApp, stagedApp } from "./company";
import { enter, expect, test } from "./souk";

test("a switch is given more time, then retired, then removed, by requests that say what stands in the way", async ({
  page,
}) => {
  test.setTimeout(180_000);
  const ask = async (who: string, flag: string, name: string) => {
    await enter(page, who);
    await page.goto(`/flags/${flag}`);
    await page.getByRole("navigation", { name: "What can be done" }).getByRole("link", { name }).click();
  };
  const sent = async () => {
    await page.getByRole("button", { name: "Ask for it" }).click();
    await expect(page).toHaveURL(/\/requests\/[0-9a-f-]+$/);
    return new URL(page.url()).pathname.split("/")[2] ?? "";
  };
  const why = page.getByRole("textbox", { name: "Why?" });

  const used = await stagedApp(page, "longlived");
  await ask("alice", used, "Extend");
  await expect(page.getByLabel("Keep it until")).toHaveValue(/^\d{4}-\d\d-\d\d$/);
  await page.getByLabel("Keep it until").fill("2020-01-01");
  await expect(page.getByLabel("Keep it until")).toHaveAccessibleDescription(/./);
  const soon = new Date(Date.now() + 60 * 86_400_000).toISOString().slice(0, 10);
  await page.getByLabel("Keep it until").fill(soon);
  await why.fill("the portal comes later");
  expect((await approve(page, await sent())).state).toBe("approved");

  await ask("alice", used, "Retire");
  await why.fill("the portal has it now");
  expect((await approve(page, await sent())).state).toBe("approved");
  await page.goto(`/flags/${used}`);
  await expect(page.getByText("On its way out")).toBeVisible();
  await page.goto(`/flags/${used}/edit/sandbox`);
  await expect(page.getByText("It cannot be changed now")).toBeVisible();

  await ask("alice", used, "Remove");
  await expect(page.getByText("What stands in the way")).toBeVisible();

  const flag = await approvedApp(page, "shortlived");
  await ask("alice", flag, "Remove");
  await why.fill("nobody needs it");
  await page.getByRole("button", { name: "Ask for it" }).click();
  const plan = page.getByRole("textbox", { name: "Removal plan" });
  await expect(plan).toBeFocused();
  await plan.fill("alice takes it out of the code this week");
  expect((await approve(page, await sent())).state).toBe("approved");
  await page.goto(`/flags/${flag}`);
  await expect(page.getByText("Removed").first()).toBeVisible();
});
