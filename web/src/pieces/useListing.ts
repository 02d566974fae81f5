import { keepPreviousData, type QueryKey, type QueryMeta, useInfiniteQuery } from "@tanstack/react-query";

interface Page<T> {
  items: T[];
  next?: string;
}

/** A list as far as it was read: what the piece Listing shows. */
export interface Paged<T> {
  items: T[] | undefined;
  /** What is shown belongs to the filters before; the answer is on its way. */
  old: boolean;
  problem: unknown;
  retry: () => unknown;
  more: (() => unknown) | undefined;
  reading: boolean;
}

interface Options<T> {
  key: QueryKey;
  /** Reads one page; the cursor is what the page before named as next. */
  read: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>;
  /** What the list is about, for live updates: about("flag", "lifecycle"). */
  meta?: QueryMeta;
  enabled?: boolean;
}

/** Reads a list of the server page after page. */
export function useListing<T>({ key, read, meta, enabled }: Options<T>): Paged<T> {
  const query = useInfiniteQuery({
    queryKey: [...key, "pages"],
    queryFn: ({ pageParam, signal }) => read(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next,
    placeholderData: keepPreviousData,
    meta,
    enabled,
  });
  return {
    items: query.data?.pages.flatMap((page) => page.items),
    old: query.isPlaceholderData,
    problem: query.data ? null : query.error,
    retry: query.refetch,
    more: query.hasNextPage ? () => query.fetchNextPage() : undefined,
    reading: query.isFetchingNextPage,
  };
}
