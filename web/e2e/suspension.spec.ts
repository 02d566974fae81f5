import { expect, signIn, test } from "./souk";
import { wrong } from "./wrong";

test.use({ alone: "suspension" }); // it has two administrators for a while

test("one of two administrators suspends the other, who signs in to object and is one again", async ({
  page,
}) => {
  test.setTimeout(120_000);
  await signIn(page, "petra"); // an administrator who has never been here could object to nothing
  await signIn(page, "root");
  const path = "/api/v1/groups/admins";
  const group = await (await page.request.get(path)).json();
  const { title, roles, members } = group;
  const added = await page.request.put(path, {
    headers: { "If-Match": `"${group.revision}"` },
    data: { title, roles, members: [...members, "petra@hyfin.example"] },
  });
  expect(added.status()).toBe(200);

  await page.goto("/admin/people/petra%40hyfin.example");
  await page.getByRole("button", { name: "Suspend" }).click();
  await expect(page.getByRole("dialog").getByText("unless they object")).toBeVisible();
  await page.getByRole("dialog").getByRole("button", { name: "Suspend" }).click();
  await expect(page.getByText("Petra Nováková is suspended")).toBeVisible();
  await expect(page.getByRole("button", { name: "Sign out everywhere" })).toBeHidden();
  expect(await wrong(page)).toEqual([]);
  await page.getByRole("link", { name: "See the proposals" }).click();
  await expect(page.getByText("unless petra objects")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Confirm/ })).toBeHidden();

  await signIn(page, "petra");
  await expect(page.getByText("You are suspended as an administrator")).toBeVisible();
  expect(await wrong(page)).toEqual([]);
  await page.getByRole("link", { name: "See the proposals" }).click();
  await expect(page.getByRole("button", { name: /^(Confirm|Withdraw)/ })).toBeHidden();
  expect(await wrong(page)).toEqual([]);
  await page.getByRole("main").getByRole("button", { name: "Object" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("My laptop is here, nobody took it.");
  await dialog.getByRole("button", { name: "Object" }).click();
  await expect(page.getByText("You are suspended as an administrator")).toBeHidden();
  await expect(page.getByText("Nothing waits for a second administrator")).toBeVisible();

  await signIn(page, "root");
  await expect(page.getByText("My laptop is here, nobody took it.")).toBeVisible();
  await page.goto("/admin/people/petra%40hyfin.example");
  await expect(page.getByRole("button", { name: "Suspend" })).toBeVisible();
});
