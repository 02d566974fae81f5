import { useCallback } from "react";
import { useSearchParams } from "react-router";
import { readFrom, type Schema } from "../model/address";

// What stands in the address beside filters: it survives when they are cleared.
const notFilters = new Set(["sort", "order", "tab", "id", "diff", "make"]);

/** The filters of a list, kept in the address and read by a schema: a set one stands there, an empty one does not. */
export function useFilters<S extends Schema>(schema: S) {
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
  const read = <K extends keyof S & string>(name: K) => readFrom(schema, params, name);
  const filtered = Object.keys(schema).some((name) => !notFilters.has(name) && read(name) !== undefined);
  return { params, set, clear, read, filtered };
}
