import type { WatchChange } from "./live";

/** What a browser hears: a change, that anything may have changed, or whether the stream is up. */
export type Told = { change: WatchChange } | { resync: true } | { up: boolean };

type Message = Told | { ask: true };

const name = "souk-watch";
const comeBack = 5000; // until a stream that was refused is tried again, in milliseconds

/**
 * Hears what changes on the server until the signal ends it. All tabs of a browser share one stream, since HTTP/1.1 gives six
 * connections a host: the tab that holds the lock reads it and tells the others; when it closes, the next one takes over.
 * Without locks or streams nothing is told, and whoever shows something asks by itself.
 */
export function watch(tell: (told: Told) => void, signal: AbortSignal): void {
  if (!navigator.locks || !window.BroadcastChannel || !window.EventSource) return;
  const channel = new BroadcastChannel(name);
  let lead: { up: boolean } | null = null;
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (!("ask" in data)) tell(data);
    else if (lead) channel.postMessage({ up: lead.up } satisfies Message);
  };
  channel.postMessage({ ask: true } satisfies Message);
  signal.addEventListener("abort", () => channel.close());
  const all = (told: Told) => {
    if (signal.aborted) return;
    channel.postMessage(told satisfies Message);
    tell(told);
  };
  navigator.locks
    .request(name, { signal }, () => {
      lead = { up: false };
      const state = lead;
      return read((told) => {
        if ("up" in told) state.up = told.up;
        all(told);
      }, signal);
    })
    .catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
}

/** Reads the stream until the signal. The browser comes back by itself, and says where it was. */
function read(tell: (told: Told) => void, signal: AbortSignal): Promise<void> {
  return new Promise((ended) => {
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    function open() {
      source = new EventSource("/api/v1/watch");
      source.addEventListener("open", () => tell({ up: true }));
      source.addEventListener("change", ({ data }: MessageEvent<string>) =>
        tell({ change: JSON.parse(data) as WatchChange }),
      );
      source.addEventListener("resync", () => tell({ resync: true }));
      source.addEventListener("error", () => {
        tell({ up: false });
        if (source?.readyState === EventSource.CLOSED) again(comeBack);
      });
      // What changed before the stream began was told to nobody.
      source.addEventListener("open", () => tell({ resync: true }), { once: true });
    }
    function again(after: number) {
      source?.close();
      clearTimeout(timer);
      timer = setTimeout(open, after);
    }
    const online = () => again(0);
    window.addEventListener("online", online);
    signal.addEventListener("abort", () => {
      window.removeEventListener("online", online);
      clearTimeout(timer);
      source?.close();
      ended();
    });
    open();
  });
}
