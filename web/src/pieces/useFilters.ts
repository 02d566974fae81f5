import { useCallback } from "react";
import { useSearchParams } from "react-router";

/** The filters of a list, kept in the address: a set one stands there, an empty one does not. A change starts at the first page. */
export function useFilters() {
  const [params, setParams] = useSearchParams();
  // setParams does not queue: every change is one call.
  const set = useCallback(
    (name: string, value: string | null) => {
      setParams(
        (before) => {
          if (value) before.set(name, value);
          else before.delete(name);
          if (name !== "id") before.delete("cursor");
          return before;
        },
        { replace: true, preventScrollReset: true },
      );
    },
    [setParams],
  );
  const clear = useCallback(() => setParams({}, { replace: true, preventScrollReset: true }), [setParams]);
  return { params, set, clear };
}
