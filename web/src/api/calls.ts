import type { Schema } from "@cfworker/json-schema";
import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { about, aboutOne } from "./live";
import type { operations } from "./schema";
import type { Content, FlagChange, FlagUsage } from "./types";

export { about, aboutOne };

// Every question that the console asks. Each says what it is about, and is asked again when that changes (live.ts).

const rare = { staleTime: 60_000 };

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: () => unwrap(api.GET("/api/v1/session")),
  meta: about("person", "group"),
  ...rare,
});

export const inboxQuery = queryOptions({
  queryKey: ["inbox"],
  queryFn: () => unwrap(api.GET("/api/v1/inbox")),
  meta: about("request", "rollout", "flag", "lifecycle", "proposal", "group", "segment"),
  refetchInterval: 60_000, // time alone brings things here: a step that was watched long enough, a switch that expires
});

export const templatesQuery = queryOptions({
  queryKey: ["templates"],
  queryFn: () => unwrap(api.GET("/api/v1/templates")),
  meta: about("template"),
  ...rare,
});

export const templateQuery = (id: string) =>
  queryOptions({
    queryKey: ["template", id],
    queryFn: () => unwrap(api.GET("/api/v1/templates/{id}", { params: { path: { id } } })),
    enabled: id !== "",
    meta: aboutOne("template", id),
    ...rare,
  });

export const templateSchemaQuery = (id: string) =>
  queryOptions({
    queryKey: ["template", id, "schema"],
    queryFn: async () =>
      (await unwrap(api.GET("/api/v1/templates/{id}/schema", { params: { path: { id } } }))) as Schema,
    enabled: id !== "",
    meta: aboutOne("template", id, "segment", "group"),
    ...rare,
  });

export const complianceQuery = queryOptions({
  queryKey: ["compliance"],
  queryFn: () => unwrap(api.GET("/api/v1/insight/compliance", { params: { query: { limit: 1 } } })),
  meta: about("flag", "lifecycle"),
});

export const groupsQuery = queryOptions({
  queryKey: ["groups"],
  queryFn: () => unwrap(api.GET("/api/v1/groups", { params: { query: { limit: 1000 } } })),
  meta: about("group"),
  ...rare,
});

/** The tags that hold a text; the first hundred by name. */
export const tagsQuery = (q: string) =>
  queryOptions({
    queryKey: ["tags", q],
    queryFn: () => unwrap(api.GET("/api/v1/tags", { params: { query: { q: q || undefined } } })),
    meta: about("flag"),
    ...rare,
  });

/** The people whose name or address holds a text; the first few. */
export const peopleQuery = (q: string) =>
  queryOptions({
    queryKey: ["people", q],
    queryFn: () => unwrap(api.GET("/api/v1/people", { params: { query: { q, limit: 20 } } })),
    meta: about("person", "group"),
    ...rare,
  });

export const segmentsQuery = queryOptions({
  queryKey: ["segments"],
  queryFn: () => unwrap(api.GET("/api/v1/segments")),
  meta: about("segment"),
  ...rare,
});

export const environmentsQuery = queryOptions({
  queryKey: ["environments"],
  queryFn: () => unwrap(api.GET("/api/v1/environments")),
  meta: about("environment"),
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
    meta: about("request"),
  });

export const requestQuery = (id: string) =>
  queryOptions({
    queryKey: ["request", id],
    queryFn: () => unwrap(api.GET("/api/v1/requests/{id}", { params: { path: { id } } })),
    meta: aboutOne("request", id, "group"),
  });

export const flagsQuery = (query: operations["list-flags"]["parameters"]["query"]) =>
  queryOptions({
    queryKey: ["flags", query],
    queryFn: () => unwrap(api.GET("/api/v1/flags", { params: { query } })),
    meta: about("flag", "lifecycle"),
  });

export const flagQuery = (key: string) =>
  queryOptions({
    queryKey: ["flag", key],
    queryFn: () => unwrap(api.GET("/api/v1/flags/{key}", { params: { path: { key } } })),
    meta: aboutOne("flag", key, "segment"),
  });

/** How a flag is used in an environment, over a period of so many milliseconds that ends now. Nothing tells that somebody asked, so it is asked again. */
export const usageQuery = (
  key: string,
  environment: string,
  { length, step, refresh }: { length: number; step: FlagUsage["step"]; refresh: number },
) =>
  queryOptions({
    queryKey: ["flag", key, "usage", environment, length],
    queryFn: () => {
      const from = new Date(Date.now() - length).toISOString();
      return unwrap(
        api.GET("/api/v1/flags/{key}/usage", {
          params: { path: { key }, query: { environment, from, step } },
        }),
      );
    },
    meta: aboutOne("flag", key),
    refetchInterval: refresh,
    placeholderData: (before: FlagUsage | undefined) =>
      before?.environment === environment ? before : undefined,
  });

/** What differs between two revisions of a flag in an environment. */
export const flagDiffQuery = (key: string, environment: string, from: number, to: number) =>
  queryOptions({
    queryKey: ["flag", key, "diff", environment, from, to],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/flags/{key}/diff", { params: { path: { key }, query: { environment, from, to } } }),
      ),
    ...rare,
  });

export const checkpointQuery = queryOptions({
  queryKey: ["checkpoint"],
  queryFn: () => unwrap(api.GET("/api/v1/audit/checkpoint")),
  meta: about("audit"),
});

export const rolloutQuery = (id: string) =>
  queryOptions({
    queryKey: ["rollout", id],
    queryFn: () => unwrap(api.GET("/api/v1/rollouts/{id}", { params: { path: { id } } })),
    meta: aboutOne("rollout", id),
  });

export const proofQuery = (id: string) =>
  queryOptions({
    queryKey: ["proof", id],
    queryFn: () => unwrap(api.GET("/api/v1/audit/events/{id}/proof", { params: { path: { id } } })),
    ...rare,
  });

/** What a switch answers for a context in an environment, and why. */
export const tryQuery = (key: string, environment: string, context: Record<string, unknown>) =>
  queryOptions({
    queryKey: ["try", key, environment, context],
    queryFn: ({ signal }) =>
      unwrap(
        api.POST("/api/v1/flags/{key}/environments/{environment}/try", {
          params: { path: { key, environment } },
          body: { context },
          signal,
        }),
      ),
    enabled: environment !== "",
    meta: aboutOne("flag", key, "segment"),
  });

/** What a change of a switch would do to the answers of those who asked lately. */
export const rehearsalQuery = (key: string, environment: string, change: FlagChange) =>
  queryOptions({
    queryKey: ["rehearsal", key, environment, change],
    queryFn: ({ signal }) =>
      unwrap(
        api.POST("/api/v1/flags/{key}/environments/{environment}/rehearse", {
          params: { path: { key, environment } },
          body: { change },
          signal,
        }),
      ),
    meta: aboutOne("flag", key, "segment"),
  });

/** A kill and how far it got; asked again every second until that does not change any more. */
export const killQuery = (id: string) =>
  queryOptions({
    queryKey: ["kill", id],
    queryFn: () => unwrap(api.GET("/api/v1/kills/{id}", { params: { path: { id } } })),
    refetchInterval: ({ state }) => (state.data?.settled_at ? false : 1000),
    meta: aboutOne("kill", id),
  });

/** Kills that are served and not in the log yet. No event tells of them before they are. */
export const earlyKillsQuery = queryOptions({
  queryKey: ["kills", "early"],
  queryFn: () => unwrap(api.GET("/api/v1/kills", { params: { query: { uncommitted: true, limit: 50 } } })),
  refetchInterval: 2000,
  meta: about("kill", "flag"),
});

/** What was turned off together, newest first. */
export const killsQuery = queryOptions({
  queryKey: ["kills"],
  queryFn: () => unwrap(api.GET("/api/v1/kills", { params: { query: { many: true, limit: 50 } } })),
  meta: about("kill", "flag"),
});
