import { useCallback } from "react";
import { useSearchParams } from "react-router";

// What stands in the address beside filters: it survives when they are cleared.
const notFilters = new Set(["sort", "order", "tab", "id", "diff", "make"]);

/** The filters of a list, kept in the address: a set one stands there, an empty one does not. */
export function useFilters() {
  const [params, setParams] = useSearchParams();
  // setParams does not queue: every change is one call.
  const set = useCallback(
    (name: string, value: string | null) => {
      setParams(
        (before) => {
          if (value) before.set(name, value);
          else before.delete(name);
          return before;
        },
        { replace: true, preventScrollReset: true },
      );
    },
    [setParams],
  );
  const clear = useCallback(
    () =>
      setParams(
        (before) =>
          new URLSearchParams([...before].filter(([name]) => notFilters.has(name) && name !== "id")),
        { replace: true, preventScrollReset: true },
      ),
    [setParams],
  );
  const read = (name: string) => params.get(name) || undefined;
  const filtered = [...params].some(([name, value]) => value !== "" && !notFilters.has(name));
  return { params, set, clear, read, filtered };
}
