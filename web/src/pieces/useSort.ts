import { useSearchParams } from "react-router";

export type Order = "asc" | "desc";

export interface Sort {
  by: string;
  order: Order;
  /** The address of the same list sorted by something: turned around if it is already. */
  address: (by: string, first: Order) => string;
  set: (by: string, order: Order) => void;
}

/** What a list is sorted by, of what it can be sorted by, kept in the address; what it is sorted by anyway does not stand there. */
export function useSort<T extends string>(known: readonly T[], by: T, order: Order): Sort & { by: T } {
  const [params, setParams] = useSearchParams();
  const now = {
    by: known.find((one) => one === params.get("sort")) ?? by,
    order: orderOf(params.get("order")) ?? order,
  };
  function sorted(next: string, direction: Order): URLSearchParams {
    const to = new URLSearchParams(params);
    to.delete("sort");
    to.delete("order");
    if (next !== by) to.set("sort", next);
    if (next !== by || direction !== order) to.set("order", direction);
    return to;
  }
  return {
    ...now,
    address: (next, first) =>
      `?${sorted(next, next !== now.by ? first : now.order === "asc" ? "desc" : "asc")}`,
    set: (next, direction) => setParams(sorted(next, direction), { replace: true, preventScrollReset: true }),
  };
}

const orderOf = (text: string | null): Order | undefined =>
  text === "asc" || text === "desc" ? text : undefined;
