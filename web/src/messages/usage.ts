import type { Period } from "../model/usage";

const number = new Intl.NumberFormat("en");
const times = (n: number) => `${number.format(n)} ${n === 1 ? "time" : "times"}`;

export const usage = {
  title: "Usage",
  count: (n: number) => number.format(n),
  period: "Period",
  periods: {
    hour: "Last hour",
    day: "Last 24 hours",
    week: "Last 7 days",
    month: "Last 30 days",
    year: "Last year",
  } satisfies Record<Period, string>,
  environment: "Environment of usage",
  lastSeen: "last asked for",
  total: (n: number, period: string) => `${times(n)} in the ${period.toLowerCase()}`,
  failed: (n: number, codes: string) => `${times(n)} it failed: ${codes}`,
  untold: (n: number) =>
    `There were too many switches and clients to tell apart: ${number.format(n)} answers in this period are counted for none.`,
  chart: (period: string, lines: string) => `Answers in the ${period.toLowerCase()}: ${lines}`,
  line: (name: string, n: number) => `${name} ${number.format(n)}`,
  column: (at: string, lines: string) => `${at}: ${lines || "nobody asked"}`,
  table: "As a table",
  when: "When",
  variant: (name: string) => `“${name}”`,
  /** Answers that have no variant. */
  reason: {
    CACHED: "Nothing new since last asked",
    DISABLED: "Switched off by its definition",
    DEFAULT: "The app’s own default",
    ERROR: "Failed",
  } as Record<string, string>,
  /** What is known of its use. */
  grades: {
    asked: "Asked for by its key",
    bulk: "Delivered with all switches",
    synced: "Delivered in a document; whether an app asks for it there, nobody knows",
    never: "never",
  },
  clients: "Who asks for it",
  client: "SDK key",
  noKey: "Without a key",
  goneKey: "A key that is gone",
  allApps: "all apps",
  browser: "for browsers",
  revoked: "ended",
  clientWords: (count: number, errors: number) =>
    errors > 0 ? `${times(count)}, ${number.format(errors)} failed` : times(count),
  never: (environment: string) => `No app has asked for it in ${environment} yet`,
  neverWords: (origin: string) =>
    `Give the app an SDK key of this environment, and its OpenFeature provider the address ${origin}. The first question shows here within seconds.`,
  neverNext: "How to ask",
  quiet: "Nobody asked for it in this period",
  quietNext: "Look back a year",
  notLive: "No app can see it yet",
  notLiveWords: (environment: string) =>
    `It is not approved for ${environment}. Once it is, this shows who asks for it.`,
};
