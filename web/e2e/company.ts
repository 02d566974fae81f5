import { expect, type Page } from "@playwright/test";

// Acts of people of the demo by the API, for what a story needs before it begins.

interface Asked {
  id: string;
  state: string;
  digest: string;
  can: string[];
  can_domains: string[];
  flag?: { key: string };
}

/** From here on the page's requests are a person's. */
export async function become(page: Page, name: string): Promise<void> {
  await page.context().clearCookies();
  const answer = await page.request.post("/api/v1/session", { data: { email: `${name}@hyfin.example` } });
  expect(answer.ok(), await answer.text()).toBe(true);
}

/** Asks for something as who the page is. */
export async function ask(page: Page, content: object): Promise<Asked> {
  const answer = await page.request.post("/api/v1/requests", { data: content });
  expect(answer.ok(), await answer.text()).toBe(true);
  return answer.json();
}

/** Lets every approver of the company who can approve a request, until it is decided. */
export async function approve(page: Page, id: string): Promise<Asked> {
  for (const name of ["pat", "sam", "petra"]) {
    await become(page, name);
    const request: Asked = await (await page.request.get(`/api/v1/requests/${id}`)).json();
    if (request.state !== "needs_approval") return request;
    if (!request.can.includes("approve")) continue;
    const answer = await page.request.post(`/api/v1/requests/${id}/approve`, {
      data: { digest: request.digest, domain: request.can_domains[0], reason: "fine" },
    });
    expect(answer.ok(), await answer.text()).toBe(true);
  }
  return (await page.request.get(`/api/v1/requests/${id}`)).json();
}

/** An app of alice's team that is approved and not rolled out yet: off everywhere but in the sandbox. Gives the key of its switch. */
export async function approvedApp(page: Page, slug: string): Promise<string> {
  await become(page, "alice");
  const { id } = await ask(page, {
    kind: "publish_app",
    template_id: "microapp-basic-toggle-v1",
    reason: "for a story",
    app: {
      slug,
      name: slug,
      description: "An app of a story.",
      category: "dashboard",
      owner: "team-lunch",
      contact: "alice@hyfin.example",
      kind: "external",
      url: `https://${slug}.hyfin.example`,
    },
    fields: { name: "Enabled", owner: "alice@hyfin.example", audiences: "pilot", ttl_days: 30 },
  });
  const request = await approve(page, id);
  expect(request.state).toBe("approved");
  return request.flag?.key ?? "";
}
