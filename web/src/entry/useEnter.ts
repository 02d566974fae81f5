import { useMutation } from "@tanstack/react-query";
import { queries } from "../api/queries";

/** Something that ends in being signed in: what the person before knew is forgotten, the session is asked for again. */
export function useEnter<T>(enter: (proof: T) => Promise<unknown>) {
  return useMutation({
    mutationFn: enter,
    onSuccess: async () => {
      // A link that was just used up would only be refused if its screen asked for it again.
      queries.removeQueries({
        predicate: ({ queryKey }) => !["session", "link"].includes(String(queryKey[0])),
      });
      await queries.invalidateQueries({ queryKey: ["session"] });
    },
  });
}
