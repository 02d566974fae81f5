import { MutationCache, type Query, QueryCache, QueryClient } from "@tanstack/react-query";
import { Problem, unreachable } from "./client";

/** How often a screen asks again while no stream tells it what changed, or while the server fails, in milliseconds. */
export const lively = 3000;

// A session that has ended shows itself in any answer; the shell then asks for the session again and leads to sign-in.
function signedOut(error: unknown) {
  if (error instanceof Problem && error.status === 401) queries.invalidateQueries({ queryKey: ["session"] });
}

export const queries: QueryClient = makeQueries(signedOut);

/** A client whose questions come back by themselves when what made them fail is over. */
export function makeQueries(onError: (error: unknown) => void): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({
      onError: (error, query) => {
        onError(error);
        if (isPassing(error) && query.state.data === undefined) tryBeside(query);
      },
    }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        staleTime: 1000,
        refetchOnWindowFocus: false, // the stream tells
        retry: (count, error) => count < 2 && isPassing(error),
        retryDelay: (count) => 300 * 2 ** count,
        // What failed for a reason that passes is asked again until it is answered; what was answered before stays meanwhile.
        refetchInterval: (query) =>
          query.state.data !== undefined && query.state.error && isPassing(query.state.error)
            ? lively
            : false,
      },
    },
  });
}

/** Whether an error may be gone the next time: the server is away, or something failed inside it. */
function isPassing(error: unknown): boolean {
  return !(error instanceof Problem) || error.status === unreachable || error.status >= 500;
}

const beside = new WeakSet<Query<unknown, unknown>>();

/**
 * Tries a question that was never answered beside the screen, and asks it again once that works: asking again at once would
 * make the screen flicker between the error and its skeleton.
 */
function tryBeside(query: Query<unknown, unknown>): void {
  if (beside.has(query)) return;
  beside.add(query);
  setTimeout(async () => {
    beside.delete(query);
    if (!query.isActive() || query.state.status !== "error") return;
    if (await works(query))
      query.fetch().catch(() => undefined); // told through onError above
    else tryBeside(query);
  }, lively);
}

async function works(query: Query<unknown, unknown>): Promise<boolean> {
  const { queryFn } = query.options;
  if (typeof queryFn !== "function") return false;
  try {
    const { signal } = new AbortController();
    await queryFn({
      client: queries,
      queryKey: query.queryKey,
      signal,
      meta: query.meta,
      pageParam: undefined,
      direction: "forward",
    });
    return true;
  } catch (error) {
    return !isPassing(error); // it fails for good now, which the screen should say
  }
}
