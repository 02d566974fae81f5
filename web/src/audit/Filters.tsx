import { Autocomplete, Button, TextInput } from "@mantine/core";
import { useCallback } from "react";
import type { AuditFilter } from "../api/types";
import { m } from "../messages";
import { Search } from "../pieces/Search";
import classes from "./Audit.module.css";

interface Props {
  filter: AuditFilter;
  set: (name: string, value: string | null) => void;
  clear: () => void;
}

const texts = ["flag", "actor", "app", "request"] as const;

/** What the list is narrowed by. Everything stands in the address. */
export function Filters({ filter, set, clear }: Props) {
  const words = m.audit;
  return (
    <search aria-label={words.filters} className={classes.filters}>
      <Autocomplete
        size="xs"
        label={words.event}
        data={Object.keys(words.names)}
        value={filter.event ?? ""}
        onChange={(value) => set("event", value)}
        limit={20}
      />
      {texts.map((name) => (
        <Text key={name} name={name} value={filter[name] ?? ""} set={set} />
      ))}
      <TextInput
        size="xs"
        type="datetime-local"
        label={words.after}
        value={localTime(filter.after)}
        onChange={(event) => set("after", universal(event.currentTarget.value))}
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

/** A time of the address as the input wants it, in the reader's zone. */
function localTime(at: string | undefined): string {
  const time = at ? new Date(at) : null;
  if (!time || Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function universal(local: string): string | null {
  return local ? new Date(local).toISOString() : null;
}
