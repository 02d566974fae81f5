import { describeApp, expect, signIn, test } from "./souk";

test("a draft is kept on the server while one types, goes on in another browser and is submitted once", async ({
  page,
  browser,
}) => {
  test.setTimeout(120_000);
  await signIn(page, "alice");
  await describeApp(page, "Draftboard");
  await expect(page.getByText("Saved as a draft")).toBeVisible();
  await expect(page).toHaveURL(/draft=/);
  const drafts = await page.request.get("/api/v1/requests?state=draft&mine=true");
  const [draft] = ((await drafts.json()) as { items: { id: string; app: { slug: string } }[] }).items;
  expect(draft?.app.slug).toBe("draftboard");

  await test.step("nobody else sees it", async () => {
    const other = await browser.newContext();
    const theirs = await other.newPage();
    await signIn(theirs, "pat");
    expect((await theirs.request.get(`/api/v1/requests/${draft?.id}`)).status()).toBe(404);
    await other.close();
  });

  const elsewhere = await browser.newContext();
  const second = await elsewhere.newPage();
  await signIn(second, "alice");
  await second.goto("/publish");
  await second.getByRole("link", { name: /^Continue your draft: .*Draftboard/ }).click();
  await expect(second.getByRole("textbox", { name: "Description" })).toHaveValue(
    "Finds a place for the team lunch.",
  );
  await second.getByRole("textbox", { name: "Description" }).fill("Keeps what you typed.");
  await expect(second.getByText("Saved as a draft")).toBeVisible();
  await expect
    .poll(
      async () => (await (await second.request.get(`/api/v1/requests/${draft?.id}`)).json()).app.description,
    )
    .toBe("Keeps what you typed.");
  await second.getByRole("link", { name: /Review and submit/ }).click();
  const submit = second.getByRole("button", { name: "Submit for approval" });
  await expect(submit).toBeEnabled();
  await submit.dblclick();
  await expect(
    second.getByRole("heading", { level: 1, name: "Publish Draftboard", exact: true }),
  ).toBeVisible();
  await expect(second).toHaveURL(new RegExp(`/requests/${draft?.id}$`));
  const made = await second.request.get("/api/v1/requests?app=draftboard");
  expect((await made.json()).items).toHaveLength(1);
  await elsewhere.close();
});

test("a draft is thrown away from Publish, and is gone", async ({ page }) => {
  await signIn(page, "alice");
  await page.goto("/publish?template=microapp-basic-toggle-v1&step=app");
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Throwaway");
  await expect(page.getByText("Saved as a draft")).toBeVisible();
  await page.getByRole("button", { name: "Discard", exact: true }).last().click();
  await page.getByRole("button", { name: "Discard the draft for good" }).click();
  await expect(page.getByRole("textbox", { name: "Name", exact: true })).toHaveCount(0);
  const drafts = await page.request.get("/api/v1/requests?state=draft&mine=true");
  const { items } = (await drafts.json()) as { items: { title: string }[] };
  expect(items.filter((one) => one.title.includes("Throwaway"))).toEqual([]);
});

test("going on to the next step while the draft is saved leads on, not back", async ({ page }) => {
  await signIn(page, "alice");
  let release: (() => void) | undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route("**/api/v1/requests", async (route) => {
    if (route.request().method() === "POST") await held;
    await route.continue();
  });
  await page.goto("/publish?template=microapp-basic-toggle-v1&step=app");
  const asked = page.waitForRequest(
    (request) => request.method() === "POST" && request.url().endsWith("/api/v1/requests"),
  );
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Slowsave");
  await asked;
  await page.getByRole("link", { name: /Review and submit/ }).click();
  await expect(page.getByRole("heading", { name: "What you ask for" })).toBeVisible();
  release?.();
  await expect(page).toHaveURL(/draft=/);
  await expect(page).toHaveURL(/step=review/);
});
