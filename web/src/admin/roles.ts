import type { Group } from "../api/types";
import { m } from "../messages";

/** The roles of a group in words. */
export function rolesOf(group: Group): string {
  const { role, wordsOf } = m.admin.groups;
  const roles = wordsOf(group.roles.map((one) => role[one]?.[0] ?? one));
  return group.domains.length > 0 ? `${roles} · ${group.domains.join(", ")}` : roles;
}
