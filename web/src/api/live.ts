import type { QueryMeta } from "@tanstack/react-query";
import type { components } from "./schema";

export type WatchChange = components["schemas"]["WatchChange"];

/** The things whose changes the server tells. */
export type Noun = WatchChange["noun"];

/** What a query is about: nouns; and where it is about one thing alone, the id of that thing, which is of the first noun. */
export interface About extends Record<string, unknown> {
  nouns: Noun[];
  id?: string;
}

declare module "@tanstack/react-query" {
  interface Register {
    queryMeta: Partial<About>;
  }
}

/** Says what a query is about, so that it is asked again when that changes: meta: about("flag", "lifecycle"). */
export const about = (...nouns: Noun[]): About => ({ nouns });

/** Says that a query is about one thing, and is asked again when that one changes. */
export const aboutOne = (noun: Noun, id: string, ...others: Noun[]): About => ({
  nouns: [noun, ...others],
  id,
});

/** Whether what a query shows may look different after a change. */
export function concerns(change: WatchChange, meta: QueryMeta | undefined): boolean {
  if (!meta?.nouns?.includes(change.noun)) return false;
  return meta.id === undefined || meta.nouns[0] !== change.noun || meta.id === change.id;
}
