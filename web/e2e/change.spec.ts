import { approve, approvedApp } from "./company";
import { evaluate, expect, sdkKey, signIn, test } from "./souk";

test("a switch is changed to 5 % of an audience: asked for, approved, and rolled out", async ({
  page,
  request: http,
}) => {
  test.setTimeout(120_000);
  const flag = await approvedApp(page, "fivepercent");
  await signIn(page, "alice");
  await page.goto(`/flags/${flag}`);
  await page.getByRole("button", { name: "Stop the rollout" }).click();
  await page.getByRole("textbox", { name: "Reason", exact: true }).fill("a smaller start");
  await page.getByRole("button", { name: "Stop the rollout" }).last().click();
  await expect(page.getByText("Aborted").first()).toBeVisible();
  await page.getByRole("link", { name: "Change it in production" }).click();
  await expect(page.getByRole("button", { name: "Ask for the change" })).toBeDisabled();
  await page.getByRole("radio", { name: "On for a share of an audience" }).check();
  await page.getByRole("textbox", { name: "Share of it" }).fill("120");
  await page.getByRole("textbox", { name: "Why?" }).fill("a first look");
  await page.getByRole("button", { name: "Ask for the change" }).click();
  await expect(page.getByText("A share is a whole number from 0 to 100.")).toBeVisible();
  await page.getByRole("textbox", { name: "Share of it" }).fill("5");
  await expect(page.getByText("In production it is on for 5 % of pilot instead of off.")).toBeVisible();
  await expect(page.getByRole("complementary")).toContainText("product");
  await page.getByRole("button", { name: "Ask for the change" }).click();
  await expect(page).toHaveURL(/\/requests\/[0-9a-f-]+$/);
  await expect(page.getByRole("heading", { name: "What changes" })).toBeVisible();
  const address = new URL(page.url()).pathname;

  const request = await approve(page, address.split("/")[2] ?? "");
  expect(request.state).toBe("approved");
  await evaluate(http, sdkKey("sandbox"), flag); // its app asks, or the rollout would ask why nobody does
  await signIn(page, "alice");
  await page.goto(address);
  await page.getByRole("button", { name: "Start rollout" }).click();
  await expect(page.getByRole("heading", { level: 1, name: flag, exact: true })).toBeVisible();
  await expect(page.getByText("Rolling out").first()).toBeVisible();
});

test("an own rule is written in plain words and serves at once in the sandbox; two revisions are compared, and one rolled back", async ({
  page,
  request,
}) => {
  test.setTimeout(120_000);
  const flag = await approvedApp(page, "ruleboard");
  const key = sdkKey("sandbox");
  await signIn(page, "alice");
  await page.goto(`/flags/${flag}`);
  await page.getByRole("link", { name: "Change it in sandbox" }).click();
  await page.getByRole("radio", { name: "Own rules" }).check();
  await page.getByRole("button", { name: "Add a rule" }).click();
  const rule = page.getByRole("group", { name: "Rule 1" });
  await rule.getByRole("combobox", { name: "What to look at" }).fill("targetingKey");
  await rule.getByRole("textbox", { name: "With what" }).fill("bob@hyfin.example");
  await rule.getByRole("combobox", { name: "What rule 1 serves" }).click();
  await page.getByRole("option", { name: "on", exact: true }).click();
  await expect(page.getByText("If the person’s key ends with bob@hyfin.example, serve “on”")).toBeVisible();
  await page.getByText("As JSON", { exact: true }).first().click();
  const json = page.getByRole("textbox", { name: "Targeting in flagd's format" });
  await expect(json).toHaveValue(/"ends_with"/);
  await json.fill((await json.inputValue()).replace("bob@", "carol@"));
  await page.getByText("In words", { exact: true }).first().click();
  await expect(rule.getByRole("textbox", { name: "With what" })).toHaveValue("carol@hyfin.example");
  await page.getByRole("textbox", { name: "Why?" }).fill("only Carol for now");
  await page.getByRole("button", { name: "Change it now" }).click();
  await expect(page.getByRole("heading", { level: 1, name: flag, exact: true })).toBeVisible();
  await expect(
    page.getByText("If the person’s key ends with carol@hyfin.example, serve “on”."),
  ).toBeVisible();
  expect((await evaluate(request, key, flag)).value).toBe(false);

  await test.step("two revisions are compared by a link that can be shared", async () => {
    const picks = page.getByRole("checkbox", { name: /^Compare revision \d+ in sandbox$/ });
    await expect(page.getByText("only Carol for now", { exact: true })).toBeVisible(); // the list shows what it knew until it has read
    await picks.nth(0).click();
    await expect(picks.nth(0)).toBeChecked();
    await expect(page).toHaveURL(/environment=sandbox/);
    await picks.nth(1).click();
    await expect(page).toHaveURL(/from=\d+.*to=\d+/);
    await page.reload();
    await expect(page.getByRole("region", { name: /^From revision \d+ to \d+$/ })).toBeVisible();
  });

  await test.step("it goes back at once", async () => {
    await page.getByRole("button", { name: "Roll back in sandbox", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog).toContainText("In sandbox, people get again");
    await dialog.getByRole("button", { name: "Roll back" }).click();
    await expect.poll(async () => (await evaluate(request, key, flag)).value).toBe(true);
    await expect(page.getByText("Rolled back").first()).toBeVisible();
  });
});

test.describe(() => {
  test.use({ refusals: /409 \(Conflict\)/ });

  test("what was typed stays when somebody else changes the switch meanwhile", async ({ page }) => {
    const flag = await approvedApp(page, "twohands");
    await signIn(page, "alice");
    await page.goto(`/flags/${flag}/edit/sandbox`);
    await page.getByRole("radio", { name: "On for a share of an audience" }).check();
    await page.getByRole("textbox", { name: "Share of it" }).fill("40");
    const state = (await (await page.request.get(`/api/v1/flags/${flag}`)).json()) as {
      environments: { environment: string; revision: number }[];
    };
    const sandbox = state.environments.find((one) => one.environment === "sandbox");
    const other = await page.request.post("/api/v1/requests", {
      data: {
        kind: "change_flag",
        flag_key: flag,
        environment: "sandbox",
        base_revision: sandbox?.revision,
        change: { mode: "off" },
        reason: "the other hand",
      },
    });
    expect(other.ok(), await other.text()).toBe(true);
    await expect(page.getByText("Somebody changed it while you edited")).toBeVisible();
    await expect(page.getByRole("textbox", { name: "Share of it" })).toHaveValue(/^40/);
    await page.getByRole("button", { name: "Go on with mine" }).click();
    await page.getByRole("button", { name: "Change it now" }).click();
    await expect(page.getByRole("heading", { level: 1, name: flag, exact: true })).toBeVisible();
    await expect(page.getByText("On for 40 % of pilot").first()).toBeVisible();
  });
});
