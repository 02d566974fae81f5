import { approve, approvedApp } from "./company";
import { enter, expect, signIn, test } from "./souk";

test.use({ alone: "audience" }); // it makes two hundred people, whom other stories do not expect

test("an owner sees that an audience outgrew what was approved, and asks for it to be approved anew", async ({
  page,
}) => {
  test.setTimeout(120_000);
  await approvedApp(page, "songbook");
  await signIn(page, "alice");
  await page.goto("/flags/songbook.enabled");
  await expect(page.getByText(/^(\d+) people, approved for \1 people$/)).toBeVisible();

  const pilots = Array.from({ length: 201 }, (_, i) => `pilot${i}@hyfin.example`);
  const admin = await page
    .context()
    .browser()
    ?.newContext({ baseURL: new URL(page.url()).origin });
  if (!admin) throw new Error("there is no browser");
  const root = await admin.newPage();
  await enter(root, "root");
  const documents = [
    ...pilots.map((name) => ({ kind: "Person", name, spec: {} })),
    { kind: "Group", name: "pilot", spec: { members: pilots } },
  ];
  const grown = await root.request.post("/api/v1/apply", { data: { documents } });
  expect(grown.ok(), await grown.text()).toBe(true);
  await admin.close();

  // The page that is open tells it, and so does Home.
  await expect(
    page.getByText(
      /^The audience “People in the pilot group” has 201 people by now, and was approved for \d+ people$/,
    ),
  ).toBeVisible();
  await page.goto("/");
  const cards = page.getByRole("listitem").filter({ hasText: "Grown" });
  await cards.getByRole("link", { name: "songbook.enabled" }).click();
  await page.getByRole("button", { name: "Ask for 201 people" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("the pilot goes well");
  await dialog.getByRole("button", { name: "Ask for 201 people" }).click();
  await expect(
    page.getByRole("heading", { level: 1, name: "Keep the audience pilot as large as it is", exact: true }),
  ).toBeVisible();
  await expect(
    page.getByText(/stays as it is, with 201 people instead of the \d+ that it was approved for/),
  ).toBeVisible();
  const asked = new URL(page.url()).pathname.split("/").at(-1) ?? "";
  expect((await approve(page, asked)).state).toBe("approved");

  await signIn(page, "alice");
  await expect(cards).toHaveCount(0);
  await page.goto("/flags/songbook.enabled");
  await expect(page.getByText("201 people, approved for 201 people")).toBeVisible();
});
