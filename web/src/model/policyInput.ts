import type { Content, Request, Template } from "../api/types";
import { documentOf } from "./document";

/** The package that a Rego source names, which names the policy; empty when it names none. */
export function packageOf(source: string): string {
  for (const line of source.split("\n")) {
    const text = line.replace(/#.*$/, "").trim();
    if (text === "") continue;
    return /^package\s+([\w.[\]"]+)$/.exec(text)?.[1] ?? "";
  }
  return "";
}

/** What a source says of itself in the comment that it begins with; empty when it says nothing. */
export function aboutOf(source: string): string {
  const lines: string[] = [];
  for (const line of source.split("\n")) {
    if (!line.startsWith("#")) break;
    lines.push(line.replace(/^#+\s?/, "").trim());
  }
  return lines.join(" ").trim();
}

/** What policies get to see of a request, as the server puts it together; what only the server knows is left empty. */
export function policyInput(request: Request | Content, template: Template | null) {
  const { kind, reason, removal_plan, environment, app, fields } = request;
  const said = fields as Record<string, unknown> | undefined;
  return JSON.parse(
    JSON.stringify({
      request: { kind, reason: reason ?? "", removal_plan: removal_plan ?? "", environment },
      fields: said ?? {},
      app: app ?? {},
      template: template ?? undefined,
      requester: "requester" in request ? { email: request.requester, agent: false, groups: [] } : undefined,
      dependencies: { downstream: [], upstream: [] },
      data: {
        datasets: [],
        classification: app?.data?.classification ?? String(said?.data_classification ?? "unsaid"),
        why: app?.data?.why ?? "",
      },
      audience: { name: String(said?.audiences ?? ""), closed: false, people: 0 },
      scan: { findings: [], status: "passed" },
      bundle: { files: [], egress: [] },
    }),
  ) as Record<string, unknown>;
}

/** The input that somebody typed; null while it is no JSON object. */
export const inputOf = (text: string): Record<string, unknown> | null =>
  documentOf(text) as Record<string, unknown> | null;

/** A request that nobody made, to begin with. */
export const sampleRequest: Content = {
  kind: "publish_app",
  reason: "The team picks lunch in ten mails a day",
  app: {
    slug: "test-lunch",
    name: "Test Lunch",
    description: "Picks a place for lunch.",
    category: "dashboard",
    owner: "team-lunch",
    contact: "alice@example.com",
    url: "https://lunch.example.com",
  },
  fields: {
    name: "Enabled",
    owner: "alice@example.com",
    audiences: "pilot",
    ttl_days: 30,
    kill_switch: true,
  },
};
