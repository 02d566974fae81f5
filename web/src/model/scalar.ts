import type { Scalar } from "./rule";

/** What somebody typed as a value: numbers and yes-or-no as such, text in double quotes always as text. */
export function scalarOf(typed: string): Scalar {
  const text = typed.trim();
  if (/^".*"$/.test(text)) {
    try {
      return String(JSON.parse(text));
    } catch {
      return text;
    }
  }
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?$/.test(text) && String(Number(text)) === text ? Number(text) : text;
}

/** A value as it is typed: the inverse of scalarOf. */
export function typedOf(value: Scalar): string {
  return typeof value === "string" && (scalarOf(value) !== value || value !== value.trim())
    ? JSON.stringify(value)
    : String(value);
}
