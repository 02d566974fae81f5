import { useMutation } from "@tanstack/react-query";
import { queries } from "../api/queries";

/** Something that ends in being signed in: what the person before knew is forgotten, the session is asked for again. */
export function useEnter<T>(enter: (proof: T) => Promise<unknown>) {
  return useMutation({
    mutationFn: enter,
    onSuccess: async () => {
      queries.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
      await queries.invalidateQueries({ queryKey: ["session"] });
    },
  });
}
