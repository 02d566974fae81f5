import { useDebouncedValue } from "@mantine/hooks";
import { useMemo } from "react";

/**
 * Returns a value once it has stayed the same for a while, in milliseconds. Values are compared by their JSON: one that is made anew
 * at each render would otherwise never settle, and its component would be rendered again and again.
 */
export function useSettled<T>(value: T, wait: number): T {
  const [text] = useDebouncedValue(JSON.stringify(value), wait);
  return useMemo(() => JSON.parse(text) as T, [text]);
}
