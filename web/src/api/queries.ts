import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { Problem, unreachable } from "./client";

/** How often a screen asks again while no stream tells it what changed, or while the server fails, in milliseconds. */
export const lively = 3000;

// A session that has ended shows itself in any answer; the shell then asks for the session again and leads to sign-in.
function signedOut(error: unknown) {
  if (error instanceof Problem && error.status === 401) queries.invalidateQueries({ queryKey: ["session"] });
}

export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: signedOut }),
  mutationCache: new MutationCache({ onError: signedOut }),
  defaultOptions: {
    queries: {
      staleTime: 1000,
      refetchOnWindowFocus: false, // the stream tells
      retry: (count, error) => count < 2 && isPassing(error),
      // What failed for a reason that passes is asked again until it is answered.
      refetchInterval: (query) => (query.state.error && isPassing(query.state.error) ? lively : false),
    },
  },
});

/** Whether an error may be gone the next time: the server is away, or something failed inside it. */
function isPassing(error: unknown): boolean {
  return !(error instanceof Problem) || error.status === unreachable || error.status >= 500;
}
