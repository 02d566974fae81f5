import { Autocomplete, type AutocompleteProps } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";

interface Props extends Omit<AutocompleteProps, "data" | "value" | "onChange"> {
  value: string;
  onChange: (slug: string) => void;
}

/** An app by its short name, found as one types. */
export function AppInput({ value, onChange, ...props }: Props) {
  const [q] = useDebouncedValue(value, 200);
  const apps = useQuery({
    queryKey: ["apps", "input", q],
    queryFn: () => unwrap(api.GET("/api/v1/apps", { params: { query: { q: q || undefined, limit: 10 } } })),
    placeholderData: keepPreviousData,
  });
  return (
    <Autocomplete
      {...props}
      data={(apps.data?.items ?? []).map((app) => app.slug)}
      value={value}
      onChange={onChange}
      limit={10}
    />
  );
}
