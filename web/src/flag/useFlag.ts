import { useMutation } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Rollout } from "../api/types";
import { m } from "../messages";

export type Act = "start" | "promote" | "pause" | "resume" | "abort";

interface Acting {
  act: Act;
  reason?: string;
  /** Why it goes to production although no program has asked for the flag; needed after a Problem of code not_seen. */
  unseen?: string;
}

/** The acts on a rollout. Whatever one changes is asked for again. */
export function useRolloutAct(id: string) {
  return useMutation({
    mutationFn: ({ act, reason, unseen }: Acting) => {
      const call = { params: { path: { id } }, body: { reason } };
      const onward = { params: { path: { id } }, body: { reason, unseen } };
      switch (act) {
        case "start":
          return unwrap(api.POST("/api/v1/rollouts/{id}/start", onward));
        case "promote":
          return unwrap(api.POST("/api/v1/rollouts/{id}/promote", onward));
        case "pause":
          return unwrap(api.POST("/api/v1/rollouts/{id}/pause", call));
        case "resume":
          return unwrap(api.POST("/api/v1/rollouts/{id}/resume", call));
        case "abort":
          return unwrap(api.POST("/api/v1/rollouts/{id}/abort", call));
      }
    },
    onSettled: () => queries.invalidateQueries(),
  });
}

/** Asks again when the current step was watched long enough: others may then go on. */
export function useWatchedLongEnough(rollout: Rollout) {
  const end = rollout.state === "running" ? rollout.steps[rollout.current]?.baked_at : undefined;
  useEffect(() => {
    const left = end ? new Date(end).getTime() - Date.now() : 0;
    if (left <= 0 || left > longestTimer) return;
    const timer = setTimeout(() => queries.invalidateQueries(), left + 500);
    return () => clearTimeout(timer);
  }, [end]);
}

const longestTimer = 2 ** 31 - 1000; // milliseconds; a browser fires a longer one at once

/** Turns a flag off for everybody in an environment, now. */
export function useKill(key: string) {
  return useMutation({
    mutationFn: ({ environment, reason }: { environment: string; reason: string }) =>
      unwrap(
        api.POST("/api/v1/flags/{key}/environments/{environment}/kill", {
          params: { path: { key, environment } },
          body: { reason: reason || m.flag.killDefault },
        }),
      ),
    onSuccess: ({ receipt: _, ...flag }) => {
      if (flag.revision > 0) queries.setQueryData(["flag", key], flag); // else the server could not read it again yet
    },
    onSettled: () => queries.invalidateQueries(),
  });
}

/** Turns a killed flag on again: at once, or by a request where the environment is governed. */
export function useRestore(key: string) {
  return useMutation({
    mutationFn: ({ environment, reason }: { environment: string; reason: string }) =>
      unwrap(
        api.POST("/api/v1/flags/{key}/environments/{environment}/restore", {
          params: { path: { key, environment } },
          body: { reason: reason || undefined },
        }),
      ),
    onSettled: () => queries.invalidateQueries(),
  });
}

/** Takes a flag back to an earlier revision: answers the flag, or the request that asks for it. */
export async function rollBack(
  key: string,
  environment: string,
  body: { reason?: string; to_revision?: number },
) {
  try {
    return await unwrap(
      api.POST("/api/v1/flags/{key}/environments/{environment}/rollback", {
        params: { path: { key, environment } },
        body,
      }),
    );
  } finally {
    queries.invalidateQueries();
  }
}
