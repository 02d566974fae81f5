import type { QueryKey } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useState, useSyncExternalStore } from "react";
import { lively, queries } from "../api/queries";
import { Refresher } from "../api/refresh";
import { watch } from "../api/watch";

const refresher = new Refresher(queries);
const LiveContext = createContext(false);

/** Keeps what is on the screen as it is on the server: by the stream, or by asking while there is none. */
export function Live({ children }: { children: ReactNode }) {
  const [up, setUp] = useState(false);
  useEffect(() => {
    const end = new AbortController();
    watch((told) => {
      if ("up" in told) {
        setUp(told.up);
        if (!told.up) queries.invalidateQueries({ queryKey: ["session"] }); // it may have ended with the stream
      } else refresher.tell("change" in told ? told.change : "all");
    }, end.signal);
    const look = () => refresher.plan();
    document.addEventListener("visibilitychange", look);
    return () => {
      end.abort();
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  useEffect(() => {
    if (up) return;
    const timer = setInterval(() => refresher.tell("all"), lively);
    return () => clearInterval(timer);
  }, [up]);
  return <LiveContext value={up}>{children}</LiveContext>;
}

/** Whether changes are told as they happen. */
export const useLive = () => useContext(LiveContext);

/** Pauses and resumes what a list shows; missed counts the changes since. It goes on when the list leaves the screen. */
export function usePause(key: QueryKey) {
  const hash = JSON.stringify(key);
  const missed = useSyncExternalStore(
    (listener) => refresher.subscribe(listener),
    () => refresher.missed(key),
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: the hash is the key
  useEffect(() => () => refresher.resume(key), [hash]);
  return {
    paused: missed !== undefined,
    missed: missed ?? 0,
    pause: () => refresher.pause(key),
    resume: () => refresher.resume(key),
  };
}
