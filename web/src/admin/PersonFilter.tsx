import { Autocomplete } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { peopleQuery } from "../api/calls";
import { m } from "../messages";
import type { useFilters } from "../pieces/useFilters";

/** Narrows a list to one person, found by any part of their name; a whole address takes effect. */
export function PersonFilter({ filters }: { filters: ReturnType<typeof useFilters> }) {
  const set = filters.read("as") ?? "";
  const [typed, setTyped] = useState(set);
  const [q] = useDebouncedValue(typed, 200);
  const people = useQuery({ ...peopleQuery(q), placeholderData: keepPreviousData }).data?.items ?? [];
  return (
    <Autocomplete
      aria-label={m.secrets.search}
      placeholder={m.secrets.search}
      data={people.map((person) => person.email)}
      filter={({ options }) => options}
      value={typed}
      onChange={(value) => {
        setTyped(value);
        if (value === "" || people.some((person) => person.email === value)) filters.set("as", value || null);
      }}
      style={{ flex: "0 1 320px" }}
    />
  );
}
