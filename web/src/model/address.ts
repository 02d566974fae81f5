// What stands in an address was typed, shared or kept from an older console: a screen says how it reads each parameter, and what
// cannot be meant is as if it were not there.

/** Reads the text of a parameter, which is not empty; undefined for what it cannot mean. */
export type Reader<T> = (text: string) => T | undefined;

/** The parameters that a screen reads, by name. */
export type Schema = Record<string, Reader<unknown>>;

/** Longer than anything that somebody looks for. */
const longest = 500;

export const text: Reader<string> = (value) => (value.length <= longest ? value : undefined);

export const yes: Reader<true> = (value) => (value === "true" ? true : undefined);

/** A whole number that is not negative, up to the most. */
export const whole =
  (most: number): Reader<number> =>
  (value) =>
    /^\d{1,15}$/.test(value) && Number(value) <= most ? Number(value) : undefined;

/** A time as the API takes it, such as 2026-01-31T12:00:00Z. */
export const time: Reader<string> = (value) =>
  /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value)) ? value : undefined;

export const oneOf =
  <T extends string>(...words: readonly T[]): Reader<T> =>
  (value) =>
    words.find((word) => word === value);

/** One of the names that have words. */
export const keyOf = <K extends string>(words: Readonly<Record<K, unknown>>): Reader<K> =>
  oneOf(...(Object.keys(words) as K[]));

/** Reads a parameter by its name. */
export function readFrom<S extends Schema, K extends keyof S & string>(
  schema: S,
  params: URLSearchParams,
  name: K,
): ReturnType<S[K]> | undefined {
  const value = params.get(name);
  return value ? (schema[name]?.(value) as ReturnType<S[K]> | undefined) : undefined;
}
