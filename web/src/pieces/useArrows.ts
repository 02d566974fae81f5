import { type KeyboardEvent, useCallback } from "react";

const moves: Record<string, (at: number, last: number) => number> = {
  ArrowDown: (at, last) => Math.min(at + 1, last),
  ArrowUp: (at) => Math.max(at - 1, 0),
  Home: () => 0,
  End: (_, last) => last,
};

/** Arrow keys, Home and End go from row link to row link within the element that listens. */
export function useArrows() {
  return useCallback((event: KeyboardEvent<HTMLElement>) => {
    const move = moves[event.key];
    if (!move || !(event.target instanceof HTMLElement) || !event.target.hasAttribute("data-row")) return;
    const rows = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-row]")];
    const to = rows[move(rows.indexOf(event.target), rows.length - 1)];
    if (!to) return;
    event.preventDefault();
    to.focus();
  }, []);
}
