import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { approvedApp, ask } from "./company";

/** A screen by its address, and who has something to see there. */
export interface Route {
  /** As it stands in the console's tables of routes. */
  path: string;
  /** Who sees it full; nobody is the one who is not signed in. */
  who: string;
  /** Who is signed in and may not see it. */
  stranger?: string;
  /** The address with something in it; the path itself without it. The page is signed in as who. */
  full?: (page: Page) => Promise<string>;
}

/** A path with the member of the first thing in a list in the place of its parameter. */
const ofFirst = (path: string, list: string, member: string) => async (page: Page) => {
  const answer = await page.request.get(`/api/v1/${list}`);
  const { items } = (await answer.json()) as { items: Record<string, string>[] };
  const value = items[0]?.[member];
  if (!value) throw new Error(`${list} is empty`);
  return path.replace(/:\w+/, encodeURIComponent(value));
};

// Made once for each server.
const made = new Map<string, Promise<string>>();
function once(name: string, make: () => Promise<string>): Promise<string> {
  const value = made.get(name) ?? make();
  made.set(name, value);
  return value;
}

const admin = (path: string, full?: Route["full"]): Route => ({
  path: `/admin/${path}`,
  who: "root",
  stranger: /^(people|tokens|proposals)/.test(path) ? "alice" : undefined,
  full,
});

/** Every address of the console. */
export const routes: Route[] = [
  { path: "/sign-in", who: "" },
  { path: "/join", who: "" },
  { path: "/", who: "pat" },
  { path: "/apps", who: "alice" },
  { path: "/apps/:slug", who: "olu", full: ofFirst("/apps/:slug", "apps", "slug") },
  { path: "/publish", who: "alice" },
  { path: "/requests/:id", who: "pat", full: ofFirst("/requests/:id", "requests", "id") },
  {
    path: "/requests/:id/edit",
    who: "alice",
    full: (page) =>
      once("draft", async () => {
        const { id } = await ask(page, { kind: "publish_app", draft: true, reason: "to be swept" });
        return `/requests/${id}/edit`;
      }),
  },
  { path: "/reviews", who: "pat" },
  { path: "/flags", who: "olu" },
  { path: "/flags/:key", who: "olu", full: ofFirst("/flags/:key", "flags", "key") },
  {
    path: "/flags/:key/edit/:environment",
    who: "alice",
    full: (page) =>
      once("flag", async () => `/flags/${await approvedApp(page, "to-be-swept")}/edit/production`),
  },
  { path: "/compliance", who: "olu" },
  { path: "/import", who: "olu" },
  { path: "/kills", who: "olu" },
  { path: "/audit", who: "ada", stranger: "alice" },
  { path: "/account", who: "alice" },
  { path: "/setup", who: "root", stranger: "alice" },
  { path: "/admin", who: "root" },
  admin("people"),
  admin("people/:email", ofFirst("/admin/people/:email", "people", "email")),
  admin("groups"),
  admin("groups/:name", ofFirst("/admin/groups/:name", "groups", "name")),
  admin("environments"),
  admin("segments"),
  admin("segments/:name", ofFirst("/admin/segments/:name", "segments", "name")),
  admin("tokens"),
  admin("keys"),
  admin("templates"),
  admin("templates/:id", ofFirst("/admin/templates/:id", "templates", "templateId")),
  admin("policies"),
  admin("policies/:name", ofFirst("/admin/policies/:name", "policies", "name")),
  admin("lifecycle"),
  admin("proposals"),
  { path: "*", who: "alice", full: async () => "/nowhere" },
];

/** The addresses that the console knows, read from its source. */
export function known(): string[] {
  const tables = ["app/routes.tsx", "pages/admin/routes.ts"];
  const source = tables.map((file) => readFileSync(join(import.meta.dirname, "../src", file), "utf8"));
  return [...source.join("").matchAll(/path: "([^"]+)"/g)].map(([, path]) => path ?? "");
}
