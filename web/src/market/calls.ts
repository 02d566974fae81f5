import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { about, aboutOne } from "../api/calls";
import { api, unwrap } from "../api/client";
import type { operations } from "../api/schema";

export type AppFilter = Omit<NonNullable<operations["list-apps"]["parameters"]["query"]>, "cursor" | "limit">;

/** One page of the apps that a filter lets through. */
export const readApps = (filter: AppFilter, cursor?: string, signal?: AbortSignal, limit = 24) =>
  unwrap(api.GET("/api/v1/apps", { params: { query: { ...filter, cursor, limit } }, signal }));

/** How many apps there are by category and team, of those that a search finds. */
export const facetsQuery = (q: string | undefined) =>
  queryOptions({
    queryKey: ["apps", "facets", q ?? ""],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/apps/categories", { params: { query: { q } }, signal })),
    meta: about("app"),
    placeholderData: keepPreviousData,
  });

/** The few apps of a group. */
export const appsOfQuery = (owners: string[]) =>
  queryOptions({
    queryKey: ["apps", "of", owners],
    queryFn: async ({ signal }) => {
      const lists = await Promise.all(owners.map((owner) => readApps({ owner }, undefined, signal, 12)));
      return lists.flatMap((list) => list.items);
    },
    meta: about("app", "flag"),
  });

export const appQuery = (slug: string) =>
  queryOptions({
    queryKey: ["app", slug],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/apps/{slug}", { params: { path: { slug } }, signal })),
    meta: aboutOne("app", slug, "request"),
  });

/** The newest apps of everybody. */
export const newestQuery = queryOptions({
  queryKey: ["apps", "newest"],
  queryFn: ({ signal }) => readApps({ sort: "created" }, undefined, signal, 12),
  meta: about("app", "flag"),
});
