import type { FlagUsage, UsageSeries } from "../api/types";

/** How long a look back goes, as it stands in the address. */
export type Period = "hour" | "day" | "week" | "month" | "year";

type Step = FlagUsage["step"];

/** How long each is, and the step that it is told in; both in milliseconds where they are a time. */
export const periods: Record<Period, { length: number; step: Step; refresh: number }> = {
  hour: { length: 3_600_000, step: "minute", refresh: 5_000 },
  day: { length: 86_400_000, step: "hour", refresh: 15_000 },
  week: { length: 7 * 86_400_000, step: "hour", refresh: 30_000 },
  month: { length: 30 * 86_400_000, step: "day", refresh: 60_000 },
  year: { length: 365 * 86_400_000, step: "day", refresh: 60_000 },
};

const stepLength: Record<Step, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** The period that the address names, a day if it names none. */
export const periodOf = (text: string | null): Period =>
  text !== null && Object.hasOwn(periods, text) ? (text as Period) : "day";

/** One answer over time. */
export interface Line {
  /** Names it apart from all others. */
  id: string;
  series: UsageSeries;
  /** Number of its colour; it stays the same whatever else is shown. */
  colour: number | "kept" | "failed";
}

/** One step in time: when it begins, and how often each line was given in it. */
export interface Column {
  at: Date;
  counts: number[];
  total: number;
}

/** The lines of a chart: variants in the order of the flag, then what has none. */
export function linesOf(usage: FlagUsage, variants: string[]): Line[] {
  const known = [...variants].sort();
  const place = (series: UsageSeries) => (series.variant ? known.indexOf(series.variant) : -1);
  const rank = (series: UsageSeries) => (series.variant ? place(series) + 1 || 100 : 200);
  return usage.series
    .map((series): Line => {
      const id = series.variant ? `variant ${series.variant}` : `reason ${series.reason}`;
      if (series.reason === "ERROR") return { id, series, colour: "failed" };
      if (!series.variant) return { id, series, colour: "kept" };
      return { id, series, colour: Math.max(0, place(series)) % 4 };
    })
    .sort((a, b) => rank(a.series) - rank(b.series) || a.id.localeCompare(b.id));
}

/** All steps of the period, those too in which nothing was asked. */
export function columnsOf(usage: FlagUsage, lines: Line[]): Column[] {
  const step = stepLength[usage.step];
  const from = Date.parse(usage.from);
  const count = Math.ceil((Date.parse(usage.to) - from) / step);
  const columns = Array.from(
    { length: Math.max(0, count) },
    (_, i): Column => ({
      at: new Date(from + i * step),
      counts: lines.map(() => 0),
      total: 0,
    }),
  );
  lines.forEach((line, n) => {
    for (const point of line.series.points) {
      const column = columns[Math.floor((Date.parse(point.at) - from) / step)];
      if (!column) continue;
      column.counts[n] = (column.counts[n] ?? 0) + point.count;
      column.total += point.count;
    }
  });
  return columns;
}

/** A round number at or above a count, for the top of a scale: 1, 2 or 5 and zeros. */
export function roundUp(count: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, count)));
  return ([1, 2, 5, 10].find((n) => n * power >= count) ?? 10) * power;
}
