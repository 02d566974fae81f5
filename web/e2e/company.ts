import type { Page } from "@playwright/test";
import { enter, expect } from "./souk";

// Acts of people of the demo by the API, for what a story needs before it begins.

interface Asked {
  id: string;
  state: string;
  digest: string;
  can: string[];
  can_domains: string[];
  flag?: { key: string };
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
    await enter(page, name);
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

/** Waits until the page of a request tells of an approval. The words alone stand in its form, too, before the answer has come. */
export async function seeApproval(page: Page, name: string, words: string): Promise<void> {
  const decided = page.locator("section", { has: page.getByRole("heading", { name: "Who must decide" }) });
  await expect(decided).toContainText(`${name} approved`);
  await expect(decided).toContainText(words);
}

/** The same, rolled out to everybody it was approved for: its last step is under way. */
export async function stagedApp(page: Page, slug: string): Promise<string> {
  const key = await approvedApp(page, slug);
  await enter(page, "alice");
  const flag = (await (await page.request.get(`/api/v1/flags/${key}`)).json()) as {
    rollouts: { id: string }[];
  };
  for (const act of ["start", "promote"]) {
    const answer = await page.request.post(`/api/v1/rollouts/${flag.rollouts[0]?.id}/${act}`, {
      data: { reason: "nothing bad seen", unseen: "no program runs in a story" },
    });
    expect(answer.ok(), await answer.text()).toBe(true);
  }
  return key;
}

/** An app of alice's team that is approved and not rolled out yet: off everywhere but in the sandbox. Gives the key of its switch. */
export async function approvedApp(page: Page, slug: string): Promise<string> {
  await enter(page, "alice");
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
