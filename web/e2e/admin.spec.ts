import { expect, signIn, test } from "./souk";

test("a template is changed with the publisher's form beside it, and its versions can be compared", async ({
  page,
}) => {
  test.setTimeout(120_000);
  await signIn(page, "root");
  await page.goto("/admin/templates");
  await page.getByRole("link", { name: "Notification" }).click();
  await page.getByRole("button", { name: "Add a question" }).click();
  const preview = page.getByRole("region", { name: "What publishers see" });
  await expect(preview.getByRole("textbox", { name: "New question" })).toBeVisible();
  await page.getByText("New question").first().click();
  await page.getByRole("textbox", { name: "Question as people read it" }).fill("Cost centre");
  await expect(preview.getByRole("textbox", { name: "Cost centre" })).toBeVisible();

  await test.step("what is wrong is told at its line", async () => {
    await page.getByRole("link", { name: "JSON" }).click();
    const text = page.getByRole("textbox", { name: "The whole template" });
    const before = await text.inputValue();
    await text.fill(before.replace('"title": "Cost centre"', '"title": "Cost centre", "colour": "red"'));
    await expect(page.getByRole("button", { name: /^Go to line \d+: .*colour/ })).toBeVisible();
    await expect(page.getByRole("button", { name: "Save as the next version" })).toBeDisabled();
    await text.fill(before);
  });
  await page.getByRole("button", { name: "Save as the next version" }).click();
  await expect(page.getByText(/Saved as version \d/)).toBeVisible();
  await page.getByRole("link", { name: "Versions", exact: true }).click();
  await expect(page.getByRole("region", { name: "What differs" })).toContainText("Cost centre");
});

test("a policy is tried on a real request before it is put in force", async ({ page }) => {
  test.setTimeout(90_000);
  await signIn(page, "root");
  await page.goto("/admin/policies/new");
  await expect(page.getByText("marketplace.custom.names", { exact: true })).toBeVisible();
  await page.getByRole("link", { name: "Try it" }).click();
  await page.getByRole("button", { name: "Try it" }).click();
  await expect(page.getByRole("alert")).toContainText("It refuses, for 1 reason");
  await expect(page.getByText("The name must not hold the word test").first()).toBeVisible();
  await expect(page.getByRole("heading", { name: "Which rules decided" })).toBeVisible();
  await page.getByRole("combobox", { name: "Take a real request" }).selectOption({ index: 1 });
  await page.getByRole("button", { name: "Try it" }).click();
  await expect(page.getByText("It passes")).toBeVisible();
});

test("two administrators who edit one group are told of each other, and nothing typed is lost", async ({
  page,
}) => {
  await signIn(page, "root");
  await page.goto("/admin/groups/team-cards");
  const name = page.getByRole("textbox", { name: "Name", exact: true });
  await name.fill("Cards, mine");
  const path = "/api/v1/groups/team-cards";
  const group = await (await page.request.get(path)).json();
  const { title: _, name: __, lists: ___, revision, ...spec } = group;
  const other = await page.request.put(path, {
    headers: { "If-Match": `"${revision}"` },
    data: { ...spec, title: "Cards, theirs" },
  });
  expect(other.ok(), await other.text()).toBe(true);
  const differs = page.getByRole("row", { name: /Cards, theirs/ });
  await expect(differs).toContainText("Cards, mine");
  await page.getByRole("button", { name: "Keep mine" }).click();
  await page.getByRole("button", { name: "Save the group" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Cards, mine", exact: true })).toBeVisible();
});

test("the log is seen to have only grown, and an event to be in it, by the browser itself", async ({
  page,
}) => {
  await signIn(page, "ada");
  await page.goto("/audit?event=person.*");
  await page.getByRole("link", { name: "Signed in" }).first().click();
  await expect(page.getByRole("dialog")).toContainText("Checked in your browser");
  await page.keyboard.press("Escape");
  await page.getByRole("combobox", { name: "Since the checkpoint of" }).selectOption({ index: 2 });
  await expect(page.getByText("The log has only grown since")).toBeVisible();
  await expect(page).toHaveURL(/since=\d+/);
});
