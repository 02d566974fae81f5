import { TagsInput, type TagsInputProps } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { peopleQuery } from "../api/calls";

interface Props extends Omit<TagsInputProps, "value" | "onChange" | "data"> {
  value: string[];
  onChange: (emails: string[]) => void;
}

/** People by e-mail, found by any part of their name. */
export function PeopleInput({ value, onChange, ...props }: Props) {
  const [typed, setTyped] = useState("");
  const [q] = useDebouncedValue(typed, 200);
  const people = useQuery({ ...peopleQuery(q), placeholderData: keepPreviousData }).data?.items ?? [];
  const names = new Map(people.map((person) => [person.email, person.display_name]));
  return (
    <TagsInput
      {...props}
      value={value}
      onChange={(next) => onChange(next.map((one) => one.trim()).filter(Boolean))}
      searchValue={typed}
      onSearchChange={setTyped}
      data={people.map((person) => person.email)}
      filter={({ options }) => options} // the server has looked already, in names too
      renderOption={({ option }) => (
        <span>
          {names.get(option.value)}{" "}
          <span style={{ color: "var(--mantine-color-dimmed)" }}>{option.value}</span>
        </span>
      )}
    />
  );
}
