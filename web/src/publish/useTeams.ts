import { useQuery } from "@tanstack/react-query";
import { groupsQuery } from "../api/calls";
import type { Group } from "../api/types";
import { type Self, useSelf } from "../session/session";

/** The teams that a person may publish for: one's own, those of publishers first, and for administrators all. */
export function teamsOf(self: Self, groups: Group[]): Group[] {
  const mine = groups.filter((group) => self.roles.includes("admin") || self.groups.includes(group.name));
  const publishes = (group: Group) => group.roles.includes("publisher");
  return [...mine.filter(publishes), ...mine.filter((group) => !publishes(group))];
}

/** The team that an app is most likely for: the only one of publishers, or the only one at all. */
export function likelyTeam(self: Self, groups: Group[]): string | undefined {
  const mine = groups.filter((group) => self.groups.includes(group.name));
  const publishers = mine.filter((group) => group.roles.includes("publisher"));
  if (publishers.length === 1) return publishers[0]?.name;
  return mine.length === 1 ? mine[0]?.name : undefined;
}

/** The same teams, as choices. */
export function useTeams() {
  const self = useSelf();
  const groups = useQuery(groupsQuery).data?.items ?? [];
  return teamsOf(self, groups).map(({ name, title }) => ({
    value: name,
    label: title && title !== name ? `${title} (${name})` : name,
  }));
}
