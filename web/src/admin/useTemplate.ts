import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { m } from "../messages";
import { documentOf } from "../model/document";
import type { Values } from "../model/form";
import { lineOf, read } from "../model/place";
import type { Note } from "./Editor";

/** What the server says of a document as it is typed: findings at their lines, and the form that it makes. */
export function useTemplateCheck(text: string, fields: Values) {
  const [settled] = useDebouncedValue(text, 300);
  const [values] = useDebouncedValue(fields, 300);
  const done = read(text);
  const query = useQuery({
    queryKey: ["template-check", settled, values],
    queryFn: ({ signal }) =>
      unwrap(
        api.POST("/api/v1/templates:check", {
          body: { document: documentOf(settled), fields: values },
          signal,
        }),
      ),
    enabled: documentOf(settled) !== null,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    gcTime: 60_000,
  });
  const words = m.recipes.templates.broken;
  const notes: Note[] =
    "error" in done
      ? [{ line: done.error.line, severity: "error", words: words[done.error.kind] }]
      : (query.data?.findings ?? []).map((finding) => ({
          line: lineOf(done.lines, finding.field ?? ""),
          severity: finding.severity,
          words: [finding.message, finding.remediation].filter(Boolean).join("; "),
        }));
  const current = settled === text && !query.isPlaceholderData && query.data !== undefined;
  return {
    notes,
    readable: "value" in done,
    checked: query.data,
    current,
    problem: query.error,
    retry: query.refetch,
    /** Whether it may be saved, as far as the last answer tells. */
    good: "value" in done && current && !notes.some((note) => note.severity === "error"),
  };
}
