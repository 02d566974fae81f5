import type { Group } from "../api/types";
import type { SetupItem } from "./types";

/** The exact place where an item of the checklist is done: the form itself, filled in as far as it can be. */
export function placeOf(item: SetupItem, groups: Group[]): string {
  if (item.id === "people") return "/admin/people?make=invitation";
  if (item.id === "team") return "/admin/groups/new?with=me";
  if (item.id === "pilot") return "/account?tab=groups";
  if (item.id === "second-admin") return groupOf(groups, (group) => group.roles.includes("admin"), item.href);
  const domain = /^approver-(.+)$/.exec(item.id)?.[1];
  if (!domain) return item.href;
  return groupOf(
    groups,
    (group) => group.roles.includes("approver") && group.domains.includes(domain),
    `/admin/groups/new?${new URLSearchParams({ approves: domain })}`,
  );
}

function groupOf(groups: Group[], fits: (group: Group) => boolean, otherwise: string): string {
  const group = groups.find(fits);
  return group ? `/admin/groups/${encodeURIComponent(group.name)}` : otherwise;
}

/** A new group as an address asks for it: of people who approve for a domain, or a team that one is in oneself. */
export function freshGroup(params: URLSearchParams, self: string): Group {
  const domain = (params.get("approves") ?? "").trim();
  return {
    name: "",
    title: domain ? domain.charAt(0).toUpperCase() + domain.slice(1) : "",
    roles: domain ? ["approver"] : [],
    domains: domain ? [domain] : [],
    delegated: false,
    scope: {},
    members: params.get("with") === "me" ? [self] : [],
    lists: true,
    joinable: false,
    revision: 0,
  };
}
