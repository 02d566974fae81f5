import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { approvedApp } from "./company";
import { enter, evaluate, expect, sdkKey, souk, test } from "./souk";

// What programs do shows on the screens, and what is set on the screens holds for programs.

test("an owner sees how often an app asks for its switch, what it gets and with which key", async ({
  page,
  request,
}) => {
  test.setTimeout(90_000);
  const flag = await approvedApp(page, "asked-for");
  const key = sdkKey("sandbox", "the lunch robot");
  await enter(page, "alice");
  await page.goto(`/flags/${flag}?in=sandbox`);
  await expect(page.getByText("No app has asked for it in sandbox yet")).toBeVisible();
  for (let i = 0; i < 3; i++) expect((await evaluate(request, key, flag)).value).toBe(true);
  await expect(async () => {
    await page.reload();
    await expect(page.getByText("3 times in the last 24 hours")).toBeVisible({ timeout: 2_000 });
  }).toPass({ timeout: 45_000 });
  await expect(page.getByRole("img", { name: /Answers in the last 24 hours: .*“on” 3/ })).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: "the lunch robot" })).toContainText("3 times");
});

test("an imported switch serves what its document says, and its page says what it lacks and what to do", async ({
  page,
  request,
}) => {
  const file = join(mkdtempSync(join(tmpdir(), "souk-import-")), "flags.json");
  const checkout = {
    state: "ENABLED",
    variants: { new: "v2", old: "v1" },
    defaultVariant: "old",
    targeting: { if: [{ ends_with: [{ var: "targetingKey" }, "@hyfin.example"] }, "new"] },
  };
  writeFileSync(file, JSON.stringify({ flags: { "checkout-flow": checkout } }));
  souk("import", "flagd", file, "--environment", "sandbox", "--data", process.env.E2E_DATA ?? "");
  expect((await evaluate(request, sdkKey("sandbox"), "checkout-flow")).value).toBe("v2");
  await enter(page, "olu");
  await page.goto("/flags/checkout-flow");
  await expect(page.getByRole("heading", { name: "Imported from flagd" })).toBeVisible();
  await expect(page.getByRole("list", { name: "What it lacks" }).getByRole("listitem")).not.toHaveCount(0);
  await page.getByRole("link", { name: "Choose until when it is kept" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("checkout-flow");
  await expect(page.getByRole("button", { name: /submit|send|ask/i })).toBeVisible();
});

test("an operator limits what a key may ask, and the app hears when to come again", async ({
  page,
  request,
}) => {
  const flag = await approvedApp(page, "eager-app");
  const key = sdkKey("sandbox", "the eager one");
  await enter(page, "olu");
  await page.goto("/admin/keys");
  await page.getByRole("button", { name: "Limit the eager one" }).click();
  const dialog = page.getByRole("dialog", { name: "How much may the eager one ask?" });
  await dialog.getByRole("textbox", { name: "Requests a second" }).fill("1");
  await dialog.getByRole("button", { name: "Limit", exact: true }).click();
  await expect(page.getByRole("row").filter({ hasText: "the eager one" })).toContainText(
    "At most 1 requests a second",
  );
  await expect(async () => {
    const answer = await request.post(`/ofrep/v1/evaluate/flags/${flag}`, {
      headers: { Authorization: `Bearer ${key}` },
      data: { context: {} },
    });
    expect(answer.status()).toBe(429);
    expect(Number(answer.headers()["retry-after"])).toBeGreaterThan(0);
  }).toPass({ intervals: [10] });
});
