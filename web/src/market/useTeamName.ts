import { useQuery } from "@tanstack/react-query";
import { groupsQuery } from "../api/calls";

/** What a team is called to people; its short name until that is known. */
export function useTeamName(): (name: string) => string {
  const groups = useQuery(groupsQuery).data?.items;
  return (name) => groups?.find((group) => group.name === name)?.title || name;
}
