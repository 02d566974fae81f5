import { Autocomplete } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { peopleQuery } from "../api/calls";
import { m } from "../messages";

/** Narrows a list to one person, found by any part of their name; a whole address takes effect. */
export function PersonFilter({
  person,
  set,
}: {
  person: string | undefined;
  set: (email: string | null) => void;
}) {
  const [typed, setTyped] = useState(person ?? "");
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
        if (value === "" || people.some((person) => person.email === value)) set(value || null);
      }}
      style={{ flex: "0 1 320px" }}
    />
  );
}
