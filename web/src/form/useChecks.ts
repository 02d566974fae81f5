import type { Schema } from "@cfworker/json-schema";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { checkQuery } from "../api/calls";
import type { Assessment, Content, Finding } from "../api/types";
import { m } from "../messages";
import { byField, findingsOf, isAbsence, type Step, stepOf, valueAt } from "../model/findings";
import { fieldsOf, isVisible, judge } from "../model/form";

export interface Checks {
  assessment?: Assessment;
  /** The answer is of exactly what is typed now. */
  current: boolean;
  problem: unknown;
  retry: () => unknown;
  /** What is to be told now, by field. */
  shown: Map<string, Finding[]>;
  /** Errors that stand in the way, told or not, by step. */
  errors: Map<Step, Finding[]>;
  /** Findings that are told now, by step. */
  told: Map<Step, Finding[]>;
}

/** Judges what is typed: by the template's schema at once, by the server a moment later. */
export function useChecks(
  content: Content,
  schema: Schema | undefined,
  touched: string[],
  attempted: ReadonlySet<Step>,
  editing: string | undefined,
  enabled = true,
): Checks {
  const [settled] = useDebouncedValue(content, 300);
  const query = useQuery({
    ...checkQuery(settled, editing),
    enabled: enabled && settled === content, // what is known to be no content yet is not asked about
    placeholderData: keepPreviousData,
  });
  const answer = query.data;
  return useMemo(() => {
    const server = findingsOf(answer?.assessment.checks ?? []);
    const about = (path: string) => JSON.stringify(valueAt(content, path));
    const stale = (path: string) => JSON.stringify(valueAt(answer?.content, path)) !== about(path);
    const kept = server.filter((finding) => !finding.field || !stale(finding.field));
    const own = schema ? ownFindings(schema, content.fields ?? {}) : [];
    const findings = [...kept, ...own.filter(({ field }) => !answer || stale(field))];
    const visible = findings.filter(
      (f) => !isAbsence(f) || touched.includes(f.field ?? "") || attempted.has(stepOf(f.field)),
    );
    return {
      assessment: answer?.assessment,
      current: content === settled && query.isSuccess && !query.isPlaceholderData,
      problem: query.error,
      retry: query.refetch,
      shown: byField(visible),
      errors: byStep(findings.filter((f) => f.severity === "error")),
      told: byStep(visible.filter((f) => f.severity === "error")),
    };
  }, [answer, content, settled, schema, touched, attempted, query]);
}

function byStep(findings: Finding[]): Map<Step, Finding[]> {
  const map = new Map<Step, Finding[]>();
  for (const finding of findings) {
    const step = stepOf(finding.field);
    map.set(step, [...(map.get(step) ?? []), finding]);
  }
  return map;
}

/** What the schema says of the fields, in our words, until the server's better ones are there. */
function ownFindings(schema: Schema, values: Record<string, unknown>): (Finding & { field: string })[] {
  const refusals = judge(schema, values);
  return fieldsOf(schema)
    .filter((field) => refusals.has(field.name) && isVisible(field, values))
    .map((field) => {
      const { keyword, limit } = refusals.get(field.name) ?? { keyword: "" };
      return {
        severity: "error" as const,
        field: `fields.${field.name}`,
        code: keyword,
        message: m.publish.refused(field.label, keyword, limit, values[field.name]),
      };
    });
}
