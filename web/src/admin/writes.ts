import { api, over, unwrap } from "../api/client";
import type { Group } from "../api/types";

/** What an answer proposes to a second administrator; nothing when the change took effect. */
export function proposalIn(answer: unknown): { words: string } | null {
  if (typeof answer !== "object" || answer === null || !("proposal" in answer)) return null;
  const { proposal } = answer as { proposal?: { words?: unknown } };
  return proposal ? { words: String(proposal.words ?? "") } : null;
}

/** The part of a group that administrators write. */
export function specOf(group: Group) {
  const { title, roles, domains, delegated, scope, members, joinable, max_members } = group;
  return { title, roles, domains, delegated, scope, members, joinable, max_members: max_members ?? 0 };
}

/** Puts somebody into a group or takes them out, whatever else the group says. */
export async function setMember(name: string, email: string, member: boolean): Promise<unknown> {
  const path = { name };
  const group = await unwrap(api.GET("/api/v1/groups/{name}", { params: { path } }));
  const members = member
    ? [...new Set([...group.members, email])]
    : group.members.filter((one) => one !== email);
  return unwrap(
    api.PUT("/api/v1/groups/{name}", {
      params: { path, header: over(group.revision) },
      body: { ...specOf(group), members },
    }),
  );
}
