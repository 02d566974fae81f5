import { enter, expect, signIn, test } from "./souk";

test.use({ refusals: /401 \(Unauthorized\)|422 \(Unprocessable Entity\)|429 \(Too Many Requests\)/ });

const password = "seven quiet trams at noon";

test("a password opens a session, a wrong one does not, and sessions end where one says so", async ({
  page,
  browser,
  server,
}) => {
  test.setTimeout(120_000);
  await enter(page, "root");
  const made = await page.request.post("/api/v1/people/hugo%40hyfin.example/invite", { data: {} });
  expect(made.ok(), await made.text()).toBe(true);
  const { link } = await made.json();
  await page.context().clearCookies();
  await page.goto(new URL(link).pathname + new URL(link).hash);
  await page.getByLabel("Password", { exact: true }).fill("hugo@hyfin.example");
  await page.getByRole("button", { name: "Join and sign in" }).click();
  await expect(page.getByText("It must not be your e-mail address or your name")).toBeVisible();
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Join and sign in" }).click();
  await expect(page.getByRole("heading", { name: "Waiting for you" })).toBeVisible();

  const other = await (await browser.newContext({ baseURL: server.url })).newPage();
  await other.goto("/sign-in?with=password&next=%2Faccount");
  await other.getByRole("textbox", { name: "E-mail" }).fill("hugo@hyfin.example");
  await other.getByLabel("Password", { exact: true }).fill("not the right one");
  await other.getByRole("button", { name: "Sign in" }).click();
  await expect(other.getByRole("alert")).toContainText("The e-mail address or the password is wrong");
  await expect(other.getByRole("textbox", { name: "E-mail" })).toHaveValue("hugo@hyfin.example");
  await other.getByLabel("Password", { exact: true }).fill(password);
  await other.getByRole("button", { name: "Sign in" }).click();
  await expect(other.getByText("Here, now")).toBeVisible();

  await page.goto("/account");
  await page.getByRole("button", { name: "Sign out everywhere else" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Sign out everywhere else" }).click();
  await expect(page.getByRole("button", { name: /^Sign out there/ })).toBeHidden();
  await other.goto("/account");
  await expect(other).toHaveURL(/\/sign-in/);
  await other.context().close();

  await page.goto("/account?tab=password");
  await page.getByLabel("Current password").fill("not the right one");
  await page.getByLabel("New password").fill("eight loud trams at dusk");
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page.getByText("This is not your current password")).toBeVisible();
  await page.getByLabel("Current password").fill(password);
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page.getByText("Your password is changed")).toBeVisible();
});

test("a token is made, renewed and revoked, and its secret is shown once", async ({ page, request }) => {
  test.setTimeout(90_000);
  await signIn(page, "alice");
  await page.goto("/account?tab=tokens");
  const may = async (secret: string) =>
    (await request.get("/api/v1/apps", { headers: { Authorization: `Bearer ${secret}` } })).status();
  const shown = async () => {
    const secret =
      (await page.getByRole("region", { name: "Nightly: keep it now" }).textContent())?.trim() ?? "";
    await page.getByRole("button", { name: "I have kept it" }).click();
    return secret;
  };
  await page.getByRole("button", { name: "Make a token" }).click();
  await expect(page.getByRole("textbox", { name: "Name" })).toBeFocused(); // the form is open, whose button is called the same
  await page.getByRole("button", { name: "Make a token" }).click();
  await expect(page.getByText("Say what it is for.")).toBeVisible();
  await page.getByRole("textbox", { name: "Name" }).fill("Nightly");
  await page.getByRole("button", { name: "Make a token" }).click();
  const first = await shown();
  expect(await may(first)).toBe(200);

  await page.getByRole("button", { name: "Renew Nightly" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Hours that the old one goes on" }).fill("0");
  await expect(dialog).toContainText("The old one stops at once");
  await dialog.getByRole("button", { name: "Renew" }).click();
  const second = await shown();
  expect(second).not.toBe(first);
  expect(await may(second)).toBe(200);
  await expect.poll(() => may(first)).toBe(401);

  await page.getByRole("button", { name: "Revoke Nightly" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByRole("button", { name: "Revoke Nightly" })).toBeHidden();
  await expect.poll(() => may(second)).toBe(401);
});

test("the pilot group is joined and left by oneself", async ({ page }) => {
  await signIn(page, "sam");
  await page.goto("/account?tab=groups");
  const join = page.getByRole("button", { name: /^Join .*first/ });
  await join.click();
  await page.getByRole("button", { name: /^Leave .*first/ }).click();
  await expect(join).toBeVisible();
});

test("whoever guesses is told to wait, in the same words for somebody whom there is not", async ({
  page,
}) => {
  await page.goto("/sign-in?with=password");
  for (let i = 0; i < 5; i++) {
    const answer = await page.request.post("/api/v1/session", {
      data: { email: "nobody@hyfin.example", password: "not the right one" },
    });
    expect(answer.status()).toBe(401);
  }
  await page.getByRole("textbox", { name: "E-mail" }).fill("nobody@hyfin.example");
  await page.getByLabel("Password", { exact: true }).fill("not the right one");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText(/Too many attempts.*wait \d+ seconds/);
});
