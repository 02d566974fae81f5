import type { Schema } from "@cfworker/json-schema";
import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { lively } from "./queries";
import type { operations } from "./schema";
import type { Content } from "./types";

export { about } from "./live";

// Every question that the console asks. What others may change while one looks at it is asked again every few seconds.

const live = { refetchInterval: lively };
const rare = { staleTime: 60_000 };

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: () => unwrap(api.GET("/api/v1/session")),
  ...rare,
});

export const inboxQuery = queryOptions({
  queryKey: ["inbox"],
  queryFn: () => unwrap(api.GET("/api/v1/inbox")),
  ...live,
});

export const appsQuery = queryOptions({
  queryKey: ["apps"],
  queryFn: () => unwrap(api.GET("/api/v1/apps", { params: { query: { limit: 200 } } })),
  refetchInterval: 4 * lively,
});

export const templatesQuery = queryOptions({
  queryKey: ["templates"],
  queryFn: () => unwrap(api.GET("/api/v1/templates")),
  ...rare,
});

export const templateQuery = (id: string) =>
  queryOptions({
    queryKey: ["template", id],
    queryFn: () => unwrap(api.GET("/api/v1/templates/{id}", { params: { path: { id } } })),
    enabled: id !== "",
    ...rare,
  });

export const templateSchemaQuery = (id: string) =>
  queryOptions({
    queryKey: ["template", id, "schema"],
    queryFn: async () =>
      (await unwrap(api.GET("/api/v1/templates/{id}/schema", { params: { path: { id } } }))) as Schema,
    enabled: id !== "",
    ...rare,
  });

export const groupsQuery = queryOptions({
  queryKey: ["groups"],
  queryFn: () => unwrap(api.GET("/api/v1/groups", { params: { query: { limit: 1000 } } })),
  ...rare,
});

/** The people whose name or address holds a text; the first few. */
export const peopleQuery = (q: string) =>
  queryOptions({
    queryKey: ["people", q],
    queryFn: () => unwrap(api.GET("/api/v1/people", { params: { query: { q, limit: 20 } } })),
    ...rare,
  });

export const segmentsQuery = queryOptions({
  queryKey: ["segments"],
  queryFn: () => unwrap(api.GET("/api/v1/segments")),
  ...rare,
});

export const environmentsQuery = queryOptions({
  queryKey: ["environments"],
  queryFn: () => unwrap(api.GET("/api/v1/environments")),
  ...rare,
});

/** What the checks say of a content, together with that content; editing is the request that it is meant for, if any. */
export const checkQuery = (content: Content, editing: string | undefined) =>
  queryOptions({
    queryKey: ["check", content, editing],
    queryFn: async ({ signal }) => ({
      content,
      assessment: await unwrap(
        api.POST("/api/v1/requests:check", { params: { query: { editing } }, body: content, signal }),
      ),
    }),
    staleTime: 30_000,
    gcTime: 60_000,
  });

export const requestsQuery = (query: operations["list-requests"]["parameters"]["query"]) =>
  queryOptions({
    queryKey: ["requests", query],
    queryFn: () => unwrap(api.GET("/api/v1/requests", { params: { query } })),
    ...live,
  });

export const requestQuery = (id: string) =>
  queryOptions({
    queryKey: ["request", id],
    queryFn: () => unwrap(api.GET("/api/v1/requests/{id}", { params: { path: { id } } })),
    ...live,
  });

export const flagsQuery = (query: operations["list-flags"]["parameters"]["query"]) =>
  queryOptions({
    queryKey: ["flags", query],
    queryFn: () => unwrap(api.GET("/api/v1/flags", { params: { query } })),
    ...live,
  });

export const flagQuery = (key: string) =>
  queryOptions({
    queryKey: ["flag", key],
    queryFn: () => unwrap(api.GET("/api/v1/flags/{key}", { params: { path: { key } } })),
    ...live,
  });

export const checkpointQuery = queryOptions({
  queryKey: ["checkpoint"],
  queryFn: () => unwrap(api.GET("/api/v1/audit/checkpoint")),
  ...live,
});

export const rolloutQuery = (id: string) =>
  queryOptions({
    queryKey: ["rollout", id],
    queryFn: () => unwrap(api.GET("/api/v1/rollouts/{id}", { params: { path: { id } } })),
    ...live,
  });

export const proofQuery = (id: string) =>
  queryOptions({
    queryKey: ["proof", id],
    queryFn: () => unwrap(api.GET("/api/v1/audit/events/{id}/proof", { params: { path: { id } } })),
    ...rare,
  });
