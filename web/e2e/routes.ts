import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { APIRequestContext } from "@playwright/test";

/** A screen by its address, and who has something to see there. */
export interface Route {
  /** As it stands in src/app/routes.tsx. */
  path: string;
  /** Who sees it full; nobody is the one who is not signed in. */
  who: string;
  /** Who is signed in and may not see it. */
  stranger?: string;
  /** The address with something in it; the path itself without it. */
  full?: (request: APIRequestContext) => Promise<string>;
}

const json = async (request: APIRequestContext, path: string) =>
  (await (await request.get(path)).json()) as { items: Record<string, string>[] };

/** The value of a member of the first thing in a list. */
async function first(request: APIRequestContext, path: string, member: string): Promise<string> {
  const value = (await json(request, path)).items[0]?.[member];
  if (!value) throw new Error(`${path} is empty`);
  return encodeURIComponent(value);
}

/** Every address of the console. */
export const routes: Route[] = [
  { path: "/sign-in", who: "" },
  { path: "/", who: "pat" },
  { path: "/apps", who: "alice" },
  { path: "/apps/:slug", who: "olu", full: async (r) => `/apps/${await first(r, "/api/v1/apps", "slug")}` },
  { path: "/publish", who: "alice" },
  {
    path: "/requests/:id",
    who: "pat",
    full: async (r) => `/requests/${await first(r, "/api/v1/requests", "id")}`,
  },
  {
    path: "/requests/:id/edit",
    who: "gita",
    full: async (r) => `/requests/${await first(r, "/api/v1/requests?mine=true", "id")}/edit`,
  },
  { path: "/flags", who: "olu" },
  { path: "/flags/:key", who: "olu", full: async (r) => `/flags/${await first(r, "/api/v1/flags", "key")}` },
  { path: "/audit", who: "ada", stranger: "alice" },
  { path: "*", who: "alice", full: async () => "/nowhere" },
];

/** The addresses that the console knows, read from its source. */
export function known(): string[] {
  const source = readFileSync(join(import.meta.dirname, "../src/app/routes.tsx"), "utf8");
  return [...source.matchAll(/path: "([^"]+)"/g)].map(([, path]) => path ?? "");
}
