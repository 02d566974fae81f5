import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { groupsQuery, peopleQuery, segmentsQuery } from "../api/calls";
import type { Segment } from "../api/types";
import type { FormField } from "../model/form";

export interface Choice {
  value: string;
  label: string;
  words?: string;
}

/** What a field may be set to, in words: the choices of the template, or the people, teams and audiences that there are. */
export function useChoices(field: FormField, typed: string): Choice[] {
  const type = field.type === "list" ? field.items?.type : field.type;
  const choices = field.type === "list" ? (field.items?.choices ?? []) : field.choices;
  const audience = type === "segment" || field.name === "audiences";
  const [q] = useDebouncedValue(typed, 200);
  const segments = useQuery({ ...segmentsQuery, enabled: audience }).data?.items;
  const groups = useQuery({ ...groupsQuery, enabled: type === "team" }).data?.items;
  const people = useQuery({ ...peopleQuery(q), enabled: type === "user", placeholderData: keepPreviousData })
    .data?.items;
  if (audience) {
    const names = choices.length > 0 ? choices : (segments ?? []).map((segment) => segment.name);
    return names.map((name) => audienceChoice(name, field.titles[name], segments));
  }
  if (choices.length > 0) return choices.map((value) => ({ value, label: field.titles[value] ?? value }));
  if (type === "team")
    return (groups ?? []).map((group) => ({ value: group.name, label: group.title || group.name }));
  if (type === "user") {
    return (people ?? []).map((person) => ({ value: person.email, label: person.display_name }));
  }
  return [];
}

function audienceChoice(name: string, title: string | undefined, segments: Segment[] | undefined): Choice {
  const segment = segments?.find((one) => one.name === name);
  return { value: name, label: title ?? (segment?.title || name), words: segment?.description || undefined };
}
