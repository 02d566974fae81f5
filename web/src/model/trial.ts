// The context that a switch is tried with, as it stands in the address of the page.

/** The attributes in a text; null if it is no JSON object. An empty text is none. */
export function attributesOf(text: string): Record<string, unknown> | null {
  if (!text.trim()) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** The context of an SDK: what is said of the person wins over other attributes of the same names. */
export function contextOf(
  person: string,
  groups: string[],
  more: Record<string, unknown>,
): Record<string, unknown> {
  return {
    ...more,
    ...(person && { targetingKey: person }),
    ...(groups.length > 0 && { groups }),
  };
}

/** A number with at most one digit after the point. */
export const tenth = (value: number): number => Math.round(value * 10) / 10;
