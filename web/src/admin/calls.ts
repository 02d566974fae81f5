import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { about } from "../api/live";
import type { LifecyclePolicy } from "../api/types";

// The questions of administration and of one's own account. What others change is asked again when the server tells of it.

export const setupQuery = queryOptions({
  queryKey: ["setup"],
  queryFn: () => unwrap(api.GET("/api/v1/setup")),
  meta: about("person", "group", "app", "request", "template", "session"),
  refetchOnWindowFocus: true,
});

export const personQuery = (email: string) =>
  queryOptions({
    queryKey: ["person", email],
    queryFn: () => unwrap(api.GET("/api/v1/people/{email}", { params: { path: { email } } })),
    meta: about("person", "group", "session"),
  });

export const groupQuery = (name: string) =>
  queryOptions({
    queryKey: ["group", name],
    queryFn: () => unwrap(api.GET("/api/v1/groups/{name}", { params: { path: { name } } })),
    meta: about("group", "person"),
  });

/** The sessions of a person; one's own without a name. */
export const sessionsQuery = (person?: string) =>
  queryOptions({
    queryKey: ["sessions", person ?? ""],
    queryFn: () => unwrap(api.GET("/api/v1/sessions", { params: { query: { person, limit: 100 } } })),
    meta: about("session"),
  });

export const proposalsQuery = queryOptions({
  queryKey: ["proposals"],
  queryFn: () => unwrap(api.GET("/api/v1/proposals")),
  meta: about("proposal"),
});

// The rules carry an ETag of their content instead of a number; the order in which they were seen numbers them here.
const etags: string[] = [];

/** The rules of a switch's life, as read. */
export interface Rules extends LifecyclePolicy {
  revision: number;
}

function numbered(policy: LifecyclePolicy, response: Response): Rules {
  const etag = response.headers.get("ETag") ?? "";
  if (etags.at(-1) !== etag) etags.push(etag);
  return { ...policy, revision: etags.length };
}

export const lifecycleQuery = queryOptions({
  queryKey: ["lifecycle"],
  queryFn: async () => {
    const answer = api.GET("/api/v1/lifecycle");
    return numbered(await unwrap(answer), (await answer).response);
  },
  meta: about("lifecycle"),
});

/** Writes the rules over those that were read, or proposes to. */
export async function putLifecycle({ lifecycle, revision }: Rules) {
  const answer = api.PUT("/api/v1/lifecycle", {
    params: { header: { "If-Match": etags[revision - 1] } },
    body: { lifecycle },
  });
  const written = await unwrap(answer);
  return "proposal" in written ? written : numbered(written, (await answer).response);
}

export const segmentQuery = (name: string) =>
  queryOptions({
    queryKey: ["segment", name],
    queryFn: () => unwrap(api.GET("/api/v1/segments/{name}", { params: { path: { name } } })),
    meta: about("segment", "group", "person"),
  });

export const segmentHistoryQuery = (name: string) =>
  queryOptions({
    queryKey: ["segment", name, "history"],
    queryFn: () => unwrap(api.GET("/api/v1/segments/{name}/history", { params: { path: { name } } })),
    meta: about("segment"),
  });

export const policiesQuery = queryOptions({
  queryKey: ["policies"],
  queryFn: () => unwrap(api.GET("/api/v1/policies", { params: { query: { limit: 1000 } } })),
  meta: about("policy"),
});

export const policyQuery = (name: string) =>
  queryOptions({
    queryKey: ["policy", name],
    queryFn: () => unwrap(api.GET("/api/v1/policies/{name}", { params: { path: { name } } })),
    meta: about("policy"),
  });

export const versionsQuery = (id: string) =>
  queryOptions({
    queryKey: ["template", id, "versions"],
    queryFn: () => unwrap(api.GET("/api/v1/templates/{id}/versions", { params: { path: { id } } })),
    meta: about("template"),
  });

/** What a policy says of an input, rule by rule, and whether its tests pass. */
export const trialQuery = (trial: { source: string; name: string; input: Record<string, unknown> }) =>
  queryOptions({
    queryKey: ["trial", trial],
    queryFn: ({ signal }) =>
      unwrap(api.POST("/api/v1/policies:try", { body: { ...trial, name: trial.name || undefined }, signal })),
    staleTime: 60_000,
    gcTime: 60_000,
    retry: false,
  });
