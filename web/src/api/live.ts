/** The things whose changes the server tells. */
export type Noun =
  | "request"
  | "flag"
  | "rollout"
  | "app"
  | "person"
  | "group"
  | "template"
  | "policy"
  | "environment"
  | "segment"
  | "lifecycle"
  | "audit"
  | "token"
  | "sdk_key"
  | "session"
  | "proposal";

/** What a query is about: nouns, and one thing where it is about that alone. */
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
