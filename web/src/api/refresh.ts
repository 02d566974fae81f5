import { hashKey, type Query, type QueryClient, type QueryKey } from "@tanstack/react-query";
import { concerns, type WatchChange } from "./live";

/** Changes that come within this time are one round of questions, in milliseconds. */
const together = 150;

type News = WatchChange | "all";

/**
 * Asks again what changed. Rounds follow each other, so that a stream of changes neither starves an answer nor is lost; a
 * list that is paused is left alone and counts what it missed; a screen that nobody looks at waits until somebody does.
 */
export class Refresher {
  private waiting: News[] = [];
  private round: ReturnType<typeof setTimeout> | undefined;
  private paused = new Map<string, number>(); // by hash of the query's key
  private listeners = new Set<() => void>();
  private readonly queries: QueryClient;
  private readonly seen: () => boolean;

  /** Seen tells whether somebody looks. */
  constructor(queries: QueryClient, seen: () => boolean = () => document.visibilityState === "visible") {
    this.queries = queries;
    this.seen = seen;
  }

  /** Something changed, or anything may have. */
  tell(news: News): void {
    this.waiting.push(news);
    this.plan();
  }

  /** Somebody looks again. */
  plan(): void {
    if (this.round === undefined && this.waiting.length > 0 && this.seen())
      this.round = setTimeout(() => this.run(), together);
  }

  private async run(): Promise<void> {
    const news = this.waiting;
    this.waiting = [];
    const touched = new Set(
      this.queries
        .getQueryCache()
        .findAll()
        .filter((query) => this.touched(query, news)),
    );
    await this.queries.invalidateQueries({ predicate: (query) => touched.has(query) });
    this.round = undefined;
    this.plan();
  }

  private touched(query: Query, news: News[]): boolean {
    if (query.state.status === "error" && query.state.data === undefined) return false; // queries.ts tries it by itself
    const count = news.filter((one) =>
      one === "all" ? query.meta?.nouns : concerns(one, query.meta),
    ).length;
    const missed = this.paused.get(query.queryHash);
    if (count === 0 || missed === undefined) return count > 0;
    this.paused.set(query.queryHash, missed + count);
    for (const listener of this.listeners) listener();
    return false;
  }

  /** Leaves a query as it is until it is resumed. */
  pause(key: QueryKey): void {
    this.paused.set(hashKey(key), 0);
    for (const listener of this.listeners) listener();
  }

  /** Goes on, and asks at once for what was missed. */
  resume(key: QueryKey): void {
    if (this.paused.get(hashKey(key))) this.queries.invalidateQueries({ queryKey: key, exact: true });
    this.paused.delete(hashKey(key));
    for (const listener of this.listeners) listener();
  }

  /** How many changes a paused query missed; undefined while it is not paused. */
  missed(key: QueryKey): number | undefined {
    return this.paused.get(hashKey(key));
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
