import { seeApproval } from "./company";
import { describeApp, evaluate, expect, sdkKey, signIn, souk, test } from "./souk";

test("Where2Eat goes from a form to a flag that an SDK reads, is turned off with one click, and the audit shows it", async ({
  page,
  request,
}) => {
  test.setTimeout(240_000);
  const staging = sdkKey("staging");
  const production = sdkKey("production");
  const flag = "where2eat.enabled";

  await signIn(page, "alice");
  await describeApp(page, "Where2Eat", "No company data");
  await test.step("a TTL of 200 days is refused at its field before submit", async () => {
    const ttl = page.getByRole("textbox", { name: "TTL in days" });
    await ttl.fill("200");
    await expect(ttl).toHaveAccessibleDescription(/at most 180, is 200/);
    await expect(page.getByRole("navigation", { name: "Steps" })).toContainText("1 thing to mend");
    await page.getByRole("button", { name: /^Fix it for me: .*at most 180, is 200/ }).click();
    await expect(ttl).toHaveValue(/^90/); // what the lifecycle warns of is told, too
    await ttl.fill("30");
    await expect(ttl).not.toHaveAccessibleDescription(/./);
  });
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("complementary")).toContainText("product");
  await expect(page.getByRole("complementary")).not.toContainText("security");
  await page.getByRole("textbox", { name: "Why do you need it?" }).fill("team lunch picks take too long");
  await page.getByRole("button", { name: "Submit for approval" }).dblclick();
  await expect(page.getByRole("heading", { level: 1, name: "Publish Where2Eat", exact: true })).toBeVisible();
  const address = new URL(page.url()).pathname;
  const made = await page.request.get("/api/v1/requests?app=where2eat");
  expect((await made.json()).items, "requests made by a double click").toHaveLength(1);

  await signIn(page, "pat");
  await page.getByRole("link", { name: "Publish Where2Eat" }).click();
  await expect(page).toHaveURL(address);
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByRole("textbox", { name: /Reason/ }).fill("fine for product");
  await page.getByRole("button", { name: "Confirm approval" }).click();
  await seeApproval(page, "pat", "fine for product");
  await expect(page.getByText("It is approved")).toBeVisible();
  expect((await evaluate(request, staging, flag)).value).toBe(false);

  await signIn(page, "alice");
  await page.goto(address);
  await page.getByRole("button", { name: "Start rollout" }).click();
  await expect(page.getByRole("heading", { level: 1, name: flag })).toBeVisible();
  await expect(page.getByText("Rolling out").first()).toBeVisible();
  await expect.poll(async () => (await evaluate(request, staging, flag)).value).toBe(true);

  await signIn(page, "olu");
  await page.goto(`/flags/${flag}`);
  await page.getByRole("button", { name: "Turn off for everybody", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("Turned off for everybody in production");
  expect(await evaluate(request, production, flag)).toMatchObject({
    value: false,
    variant: "off",
    reason: "STATIC",
    metadata: { killed: true },
  });

  await signIn(page, "ada");
  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByRole("textbox", { name: "Switch" }).fill(flag);
  await expect(page).toHaveURL(/flag=where2eat\.enabled/);
  for (const event of ["Turned off for everybody", "Rollout started", "App switch created"]) {
    await expect(page.getByRole("link", { name: event }).first()).toBeVisible();
  }
  await page.getByRole("link", { name: "Turned off for everybody" }).first().click();
  const detail = page.getByRole("dialog");
  await expect(detail).toContainText("olu@hyfin.example");
  await expect(detail).toContainText("lead from it to the signed root");
  await page.keyboard.press("Escape");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download the export" }).click();
  const file = await (await download).path();
  expect(souk("audit", "verify", file)).toBeTruthy();
});
