import { Autocomplete, Button, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { peopleQuery } from "../api/calls";
import type { AuditFilter } from "../api/types";
import { m } from "../messages";
import { fromLocal, toLocal } from "../model/period";
import { Search } from "../pieces/Search";
import classes from "./Audit.module.css";

interface Props {
  filter: AuditFilter;
  set: (name: string, value: string | null) => void;
  clear: () => void;
}

const texts = ["flag", "app", "request"] as const;
const named: Record<string, string> = { ...m.audit.kinds, ...m.audit.names };

/** What the list is narrowed by: person, switch, app, event, request, period, words. Everything stands in the address. */
export function Filters({ filter, set, clear }: Props) {
  const words = m.audit;
  const [actor] = useDebouncedValue(filter.actor ?? "", 200);
  const people = useQuery({ ...peopleQuery(actor), placeholderData: keepPreviousData }).data?.items ?? [];
  const search = useCallback((value: string) => set("q", value), [set]);
  return (
    <search aria-label={words.filters} className={classes.filters}>
      <Search
        size="xs"
        type="search"
        label={words.search}
        leftSection={<IconSearch size={14} aria-hidden />}
        value={filter.q ?? ""}
        commit={search}
        className={classes.wide}
      />
      <Autocomplete
        size="xs"
        label={words.actor}
        data={people.map((person) => person.email)}
        value={filter.actor ?? ""}
        onChange={(value) => set("actor", value)}
        limit={8}
      />
      <Autocomplete
        size="xs"
        label={words.event}
        data={Object.keys(named)}
        value={filter.event ?? ""}
        onChange={(value) => set("event", value)}
        filter={({ options, search: typed }) =>
          options.filter((option) => {
            const value = "value" in option ? option.value : "";
            return `${value} ${named[value]}`.toLowerCase().includes(typed.trim().toLowerCase());
          })
        }
        renderOption={({ option }) => named[option.value] ?? option.value}
        limit={30}
        comboboxProps={{ width: 260, position: "bottom-start", withinPortal: false }}
      />
      {texts.map((name) => (
        <Text key={name} name={name} value={filter[name] ?? ""} set={set} />
      ))}
      <TextInput
        size="xs"
        type="datetime-local"
        label={words.from}
        value={toLocal(filter.from)}
        onChange={(event) => set("from", fromLocal(event.currentTarget.value))}
      />
      <TextInput
        size="xs"
        type="datetime-local"
        label={words.to}
        value={toLocal(filter.to)}
        onChange={(event) => set("to", fromLocal(event.currentTarget.value))}
      />
      {Object.values(filter).some(Boolean) && (
        <Button size="xs" variant="subtle" onClick={clear}>
          {words.clear}
        </Button>
      )}
    </search>
  );
}

function Text({ name, value, set }: { name: (typeof texts)[number]; value: string; set: Props["set"] }) {
  const commit = useCallback((next: string) => set(name, next), [name, set]);
  return <Search size="xs" label={m.audit[name]} value={value} commit={commit} />;
}
