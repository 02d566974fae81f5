import { describeApp, expect, signIn, test } from "./souk";

test.use({ refusals: /412 \(Precondition Failed\)/ });

test("what was typed outlives the page, and an edit over somebody else's says what differs", async ({
  page,
}) => {
  test.setTimeout(90_000);
  await signIn(page, "alice");
  await describeApp(page, "Lunchlist");
  await page.reload();
  await expect(page.getByRole("radio", { name: "People in the pilot group" })).toBeChecked();
  await page.getByRole("link", { name: "Your app", exact: true }).click();
  await expect(page.getByRole("textbox", { name: "Name", exact: true })).toHaveValue("Lunchlist");
  await page.getByRole("link", { name: /Review and submit/ }).click();
  await page.getByRole("button", { name: "Submit for approval" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Publish Lunchlist", exact: true })).toBeVisible();

  await page.getByRole("link", { name: "Edit" }).click();
  const id = new URL(page.url()).pathname.split("/")[2];
  await page.getByRole("textbox", { name: "Description" }).fill("Mine");
  const before = await (await page.request.get(`/api/v1/requests/${id}`)).json();
  const other = await page.request.patch(`/api/v1/requests/${id}`, {
    headers: { "If-Match": `"${before.revision}"` },
    data: { app: { description: "Theirs" } },
  });
  expect(other.ok(), await other.text()).toBe(true);
  await page.getByRole("link", { name: /Review and submit/ }).click();
  await page.getByRole("button", { name: "Save the changes" }).click();
  const differs = page.getByRole("row", { name: /app\.description/ });
  await expect(differs).toContainText("Theirs");
  await expect(differs).toContainText("Mine");
  await page.getByRole("button", { name: "Keep mine" }).click();
  await page.getByRole("button", { name: "Save the changes" }).click();
  await expect(page.getByText("Description: Mine")).toBeVisible();

  await page.getByRole("button", { name: "Withdraw" }).click();
  await page.getByRole("button", { name: "Withdraw the request" }).click();
  await expect(page.getByText("It was withdrawn")).toBeVisible();
});
