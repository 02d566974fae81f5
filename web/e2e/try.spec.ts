import { approvedApp } from "./company";
import { evaluate, expect, sdkKey, signIn, test } from "./souk";

test.use({ alone: "try" }); // it counts whose apps asked: those of other stories must not be among them

test("a switch is tried with somebody on its screen, and a change with those whose apps asked", async ({
  page,
  request,
}) => {
  test.setTimeout(120_000);
  const flag = await approvedApp(page, "tryboard");
  expect(await evaluate(request, sdkKey("sandbox"), flag)).toMatchObject({ variant: "on" });
  await signIn(page, "alice");
  await page.goto(`/flags/${flag}?in=sandbox`);
  const panel = page.locator("#try");
  await test.step("it begins with oneself, and everybody gets it in the sandbox", async () => {
    await expect(panel).toContainText("alice@hyfin.example gets “on” true");
    await expect(panel.getByText("Everybody gets this: no rule is asked.")).toBeVisible();
  });

  await page.goto(`/flags/${flag}/edit/sandbox`);
  await page.getByRole("radio", { name: "On for a share of an audience" }).check();
  await page.getByRole("combobox", { name: "Audience", exact: true }).click();
  await page.getByRole("option", { name: /beta/i }).click();
  await page.getByRole("textbox", { name: "Share of it" }).fill("50");
  await test.step("a change says whom it would reach before it is made", async () => {
    const effect = page.locator("section", {
      has: page.getByRole("heading", { name: "Whom it would change" }),
    });
    await expect(effect.getByText("1 goes from “on” to “off”")).toBeVisible();
    await expect(effect.getByText(/groups \["pilot"\]/)).toBeVisible();
  });
  await page.getByRole("textbox", { name: "Why?" }).fill("half of the beta group is enough");
  await page.getByRole("button", { name: "Change it now" }).click();
  await expect(page.getByRole("heading", { level: 1, name: flag, exact: true })).toBeVisible();

  await page.goto(`/flags/${flag}?in=sandbox&who=bob%40hyfin.example&groups=beta`);
  await test.step("which rule decides and where a person lies in the split is told", async () => {
    await expect(panel.getByText("they are in beta – this decides")).toBeVisible();
    await expect(panel.getByText(/^Split by “.*bob@hyfin.example”$/)).toBeVisible();
    await expect(panel.getByText(/^Place \d+(\.\d)? of 100: “o(n|ff)”/)).toBeVisible();
  });
  await panel.getByRole("textbox", { name: "The person’s key" }).fill("");
  await expect(panel).toContainText("Somebody without a key gets “off”");
  await expect(page).toHaveURL(/who=/);
  await panel.getByRole("textbox", { name: "Other attributes, as JSON" }).fill('{"targetingKey": "carol"');
  await expect(panel.getByText(/This is not a JSON object yet/)).toBeVisible();
  await panel.getByRole("textbox", { name: "Other attributes, as JSON" }).fill('{"targetingKey": "carol"}');
  await expect(panel.getByText(/^Split by “.*carol”$/)).toBeVisible();
});
