import { Button, NativeSelect } from "@mantine/core";
import { IconSearch, IconX } from "@tabler/icons-react";
import { type ReactNode, useCallback } from "react";
import { m } from "../messages";
import classes from "./FilterBar.module.css";
import { Search } from "./Search";
import type { useFilters } from "./useFilters";

type Filters = Pick<ReturnType<typeof useFilters>, "params" | "set" | "clear" | "filtered">;

interface Props {
  filters: Filters;
  /** What the search box looks in, such as "Search by name or key"; without it there is none. */
  search?: string;
  /** Further filters: FilterChoice, or anything that writes the address. */
  children?: ReactNode;
}

/** What narrows a list: a search box, choices, and the way back to everything. Its truth stands in the address. */
export function FilterBar({ filters, search, children }: Props) {
  const { params, set, filtered, clear } = filters;
  const commit = useCallback((value: string) => set("q", value), [set]);
  return (
    <search aria-label={m.pieces.list.filters} className={classes.bar}>
      {search && (
        <Search
          type="search"
          aria-label={search}
          placeholder={search}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={params.get("q") ?? ""}
          commit={commit}
          className={classes.search}
        />
      )}
      {children}
      {filtered && (
        <Button variant="subtle" size="sm" leftSection={<IconX size={14} aria-hidden />} onClick={clear}>
          {m.pieces.list.clear}
        </Button>
      )}
    </search>
  );
}

interface ChoiceProps {
  filters: Filters;
  /** The name in the address. */
  name: string;
  label: string;
  data: { value: string; label: string }[];
}

/** One of a few values, or any. */
export function FilterChoice({ filters, name, label, data }: ChoiceProps) {
  return (
    <NativeSelect
      aria-label={label}
      className={classes.choice}
      value={data.find((one) => one.value === filters.params.get(name))?.value ?? ""}
      onChange={(event) => filters.set(name, event.currentTarget.value || null)}
      data={[{ value: "", label: `${label}: ${m.pieces.list.any.toLowerCase()}` }, ...data]}
    />
  );
}
