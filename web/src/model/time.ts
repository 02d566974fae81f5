const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });
const brief = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

/** How far a moment is from now, in words: "3 minutes ago", "in 2 days", "just now". */
export function relative(at: Date, now: Date): string {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  for (const [unit, length] of units) {
    // What is still to come is rounded: three days less a second are "in 3 days", and nobody thinks that they have two.
    if (Math.abs(seconds) >= length)
      return words.format(seconds > 0 ? Math.round(seconds / length) : Math.trunc(seconds / length), unit);
  }
  if (seconds > 10) return "in less than a minute";
  return seconds < -30 ? "less than a minute ago" : "just now";
}

/** The moment to the second, in the reader's time zone. */
export const exact = (at: Date): string => full.format(at);

/** The day alone. */
export const day = (at: Date): string => brief.format(at);

const lengths: [string, number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** A span in its two greatest units: "1 hour 30 minutes"; nothing at all is "no time". */
export function span(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [unit, length] of lengths) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(`${count} ${unit}${count === 1 ? "" : "s"}`);
  }
  return parts.slice(0, 2).join(" ") || "no time";
}

/** What is left of a countdown, as a clock: "4:05", "1:00:09". */
export function clock(seconds: number): string {
  const rest = Math.max(0, Math.ceil(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(rest / 3600), Math.floor((rest % 3600) / 60), rest % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
